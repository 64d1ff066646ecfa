"""Pinduoduo by POP (README.md)."""
