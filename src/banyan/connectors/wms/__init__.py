"""A generic WMS: what is to go and to come is told to it, what went, came and moved is read from it (README.md)."""
