"""WooCommerce by its REST API v3 (README.md)."""
