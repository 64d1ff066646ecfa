"""Addresses of the mapping bench."""

from __future__ import annotations

from django.urls import path

from banyan.integration.mapping import views

urlpatterns = [
    path("integration/mapping/<uuid:key>/bench", views.bench, name="mapping_bench"),
    path("integration/mapping/<uuid:key>/bench/try", views.try_out, name="mapping_try"),
    path("integration/mapping/<uuid:key>/bench/save", views.save, name="mapping_save"),
    path("integration/mapping/<uuid:key>/bench/pin", views.pin, name="mapping_pin"),
]
