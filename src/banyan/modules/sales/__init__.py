"""Selling: quotations, orders, promised dates, shipments, returns and customers' prices."""
