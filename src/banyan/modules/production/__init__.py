"""Work orders, what is reported on them, the material they use, and what goes to store."""
