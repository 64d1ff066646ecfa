"""Addresses of the gateway."""

from __future__ import annotations

from django.urls import path

from banyan.integration.gateway import views

urlpatterns = [
    path("gateway", views.show, name="gateway"),
    path("gateway/board", views.again, name="gateway_again"),
    path("gateway/calls/<uuid:key>", views.call, name="gateway_call"),
    path("gateway/events", views.events, name="gateway_events"),
]
