"""REST under /api/v1/: every noun and command of the registry, described by OpenAPI 3.1; OAuth2 for programs."""
