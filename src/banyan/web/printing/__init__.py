"""Paper: declared layouts become documents, sheets of labels, and one PDF."""
