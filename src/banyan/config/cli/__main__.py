"""Lets `python -m banyan.config.cli` do what `banyan` does."""

from banyan.config.cli import main

main(prog_name="banyan")
