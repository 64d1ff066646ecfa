"""Addresses: health for machines, everything for people from banyan.web."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from banyan.config.environ import has_part

handler400 = "banyan.web.incidents.malformed"
handler404 = "banyan.web.incidents.nothing_here"


def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


def welcome(request: HttpRequest) -> HttpResponse:
    """Say that the site runs."""
    return HttpResponse("<!doctype html><html lang=zh-Hans><title>Banyan 榕</title><h1>Banyan 榕</h1>")


#: Where the pages of modules' own stand, and of apps on other floors by their whole name; what lies within another
#: place comes before it.
PLACES = (
    ("station/api/warehouse/", "handheld"),
    ("station/", "station"),
    ("", "trace"),
    ("teamboard/", "teamboard"),
    ("production/", "production"),
    ("", "banyan.integration.mapping"),
    ("", "banyan.integration.designer"),
    ("channels/", "channels"),
)

urlpatterns = [path("healthz", health, name="health")]
if has_part("banyan.web.rest.urls"):
    urlpatterns += [
        path("api/v1/", include("banyan.web.rest.urls")),
        path("oauth/", include("banyan.web.rest.oauth")),
    ]
if has_part("banyan.connectors.soap.server"):
    urlpatterns.append(path("soap/", include("banyan.connectors.soap.urls")))
if has_part("banyan.integration.urls"):
    urlpatterns.append(path("hooks/", include("banyan.integration.urls")))
if has_part("banyan.integration.watch.urls"):
    from banyan.integration.watch.metrics import metrics

    urlpatterns += [path("metrics", metrics, name="metrics"),
                    path("integration/", include("banyan.integration.watch.urls"))]  # fmt: skip
if has_part("banyan.integration.gateway.urls"):
    urlpatterns.append(path("integration/", include("banyan.integration.gateway.urls")))
urlpatterns += [
    path(place, include(f"{name}.urls"))
    for place, module in PLACES
    if has_part(f"{(name := module if '.' in module else f'banyan.modules.{module}')}.urls")
]
if has_part("banyan.web.urls"):
    urlpatterns.append(path("", include("banyan.web.urls")))
else:
    urlpatterns.append(path("", welcome, name="welcome"))
