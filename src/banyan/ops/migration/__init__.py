"""Bringing in the records of an earlier system by a declared mapping, once or as often as needed.

A mapping is a folder here: `mapping.toml` says what the system is, the numbered files say, step by step,
which source becomes which noun and which column which field; `rules.py` holds what a table cannot say. The
engine knows no system: it reads, translates, and hands over to the commands that people use.
"""
