"""The demo factory: its data, and the story that proves the product on it."""
