"""JD POP by JOS (README.md)."""
