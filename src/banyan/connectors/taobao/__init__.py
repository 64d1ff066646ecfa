"""Taobao and Tmall by TOP (README.md)."""
