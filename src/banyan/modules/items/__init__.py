"""Items: what they are, their units and categories, and how each plant plans and values them."""
