"""Kingdee K3 Cloud by its WebAPI (README.md)."""
