"""REST under /api/v1/: every noun and command of the registry, described by OpenAPI; OAuth2 for programs."""
