"""What to make and buy, when, and for whom."""
