"""The books: accounts, entries posted as things happen, vouchers, invoices, payments."""
