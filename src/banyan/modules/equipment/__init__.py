"""Work centres, what an hour there costs, and machines."""
