"""Every change that selling through channels makes, cut by what it is about."""
