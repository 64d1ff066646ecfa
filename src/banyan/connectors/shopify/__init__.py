"""Shopify by its Admin API (README.md)."""
