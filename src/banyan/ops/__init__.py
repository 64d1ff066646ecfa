"""Running: the embedded database, the supervisor, backup, health."""
