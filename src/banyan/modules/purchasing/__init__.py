"""Buying: suppliers' items, orders, receipts at the gate and in the store, returns to suppliers."""
