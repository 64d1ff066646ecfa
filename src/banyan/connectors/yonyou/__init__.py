"""Yonyou by its open platform (README.md)."""
