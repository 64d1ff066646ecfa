"""The bus: events out, messages in, by flows that are data. It knows no module, only the registry (docs/integration.md)."""
