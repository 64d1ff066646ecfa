"""The trunk: one folder a module, each with the same few files."""
