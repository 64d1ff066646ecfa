"""Addresses of the trace."""

from __future__ import annotations

from django.urls import path

from banyan.modules.trace import views

urlpatterns = [
    path("trace", views.start, name="trace"),
    path("trace/lots/<uuid:key>", views.of_lot, name="trace_lot"),
    path("trace/lots/<uuid:key>/hold", views.hold, name="trace_hold"),
]
