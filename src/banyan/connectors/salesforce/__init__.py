"""Salesforce by its REST API (README.md)."""
