"""Addresses of REST, under /api/v1/: one door for all nouns. OAuth2's own are in `oauth`."""

from __future__ import annotations

from django.urls import path

from banyan.web.rest import browse, entry

urlpatterns = [
    path("", browse.page, name="rest_browse"),
    path("<path:path>", entry.entry, name="rest"),
]
