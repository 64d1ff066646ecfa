"""Banyan (榕): open manufacturing ERP."""

__version__ = "0.1.0"
