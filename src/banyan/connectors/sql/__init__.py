"""Databases of outside systems: read by watermark, written into staging tables (README.md)."""
