"""The edge process: beside the machines, with a disk spool of its own (README.md)."""
