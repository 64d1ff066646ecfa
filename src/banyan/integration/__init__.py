"""The bus: events out, messages in, by flows that are data; it knows the registry, no module (docs/integration.md)."""
