"""The team leader's board: who does what, what the day brought, what waits to be approved or decided."""
