"""Addresses of the warehouse phone's interface, below the station's."""

from __future__ import annotations

from django.urls import path

from banyan.modules.handheld import views

urlpatterns = [
    path("day", views.day),
    path("act", views.act),
    path("shipment", views.shipment),
    path("held", views.held),
    path("lenders", views.lenders),
    path("look", views.look),
    path("label", views.label),
]
