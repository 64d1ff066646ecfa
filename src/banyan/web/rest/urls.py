"""Addresses of REST: one door for all nouns, and OAuth2's two."""

from __future__ import annotations

from django.urls import path

from banyan.web.rest import browse, entry, oauth

urlpatterns = [
    path("api/v1/", browse.page, name="rest_browse"),
    path("api/v1/<path:path>", entry.entry, name="rest"),
    path("oauth/token", oauth.token, name="oauth_token"),
    path("oauth/revoke", oauth.revoke, name="oauth_revoke"),
]
