"""What work is paid: prices, what each report earned, statements of a month."""
