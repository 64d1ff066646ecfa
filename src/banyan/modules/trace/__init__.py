"""Trace: what a lot was made of and where it went; recalls."""
