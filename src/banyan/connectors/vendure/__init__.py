"""Vendure by GraphQL (README.md)."""
