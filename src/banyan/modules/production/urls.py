"""Addresses of production's own pages: an order in three views, and a temporary card made in a few taps."""

from __future__ import annotations

from django.urls import path

from banyan.modules.production import views

urlpatterns = [
    path("work_orders/<uuid:key>/views", views.three_views, name="three_views"),
    path("card", views.card, name="card"),
]
