"""Addresses of the station: its shell, what installs it, and its interface."""

from __future__ import annotations

from django.urls import path

from banyan.modules.station import views

urlpatterns = [
    path("", views.shell, name="station"),
    path("sw.js", views.service_worker, name="station_worker"),
    path("manifest.webmanifest", views.manifest, name="station_manifest"),
    path("api/pair", views.pair),
    path("api/sign-in", views.sign_in),
    path("api/me", views.me),
    path("api/day", views.day),
    path("api/sync", views.sync),
    path("api/find", views.find),
    path("api/orders", views.orders),
    path("api/material", views.material),
    path("api/label", views.label),
    path("api/photo", views.photo),
    path("api/drawing/<uuid:key>", views.drawing),
    path("api/drawing/<uuid:key>/small", views.drawing, {"small": True}),
]
