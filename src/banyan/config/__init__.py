"""Settings, URLs, composition and the `banyan` command."""
