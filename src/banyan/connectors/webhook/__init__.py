"""Signed webhooks both ways, by the Standard Webhooks scheme (README.md)."""
