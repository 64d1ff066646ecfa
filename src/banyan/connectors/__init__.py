"""Outside systems, one folder each: client, mapping, payloads with their source, contract tests, README."""
