"""Yonyou U8 by its OpenAPI platform (README.md)."""
