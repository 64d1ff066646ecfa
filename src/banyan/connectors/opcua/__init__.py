"""OPC UA: controllers, read, written and watched (README.md)."""
