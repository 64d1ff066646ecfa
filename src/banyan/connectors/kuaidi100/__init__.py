"""Kuaidi100: tracks of all carriers (README.md)."""
