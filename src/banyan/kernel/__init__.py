"""The kernel: nouns, commands, events and queries, and what every one of them gets for nothing."""
