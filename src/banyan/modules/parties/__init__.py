"""Customers, suppliers and carriers."""
