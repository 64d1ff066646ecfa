"""What items are made of and how, what they cost, and which revision counts when."""
