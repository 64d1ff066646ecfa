"""Tryton as the books of finance, by its JSON-RPC (README.md)."""
