"""Pure Python that every floor above may use: no database, no clock except in ids, no framework."""
