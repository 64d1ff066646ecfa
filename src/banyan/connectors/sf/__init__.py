"""SF Express by its open platform (README.md)."""
