"""Douyin shop (抖店) (README.md)."""
