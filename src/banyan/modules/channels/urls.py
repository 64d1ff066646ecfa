"""Addresses of the channels' own pages."""

from __future__ import annotations

from django.urls import path

from banyan.modules.channels import views

urlpatterns = [
    path("desk", views.desk, name="channels_desk"),
    path("orders/<uuid:key>/original", views.original, name="channels_original"),
]
