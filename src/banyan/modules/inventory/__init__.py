"""Stock: two-sided moves between locations, balances, lots, promises, genealogy, counts and value."""
