"""Addresses of the health board."""

from __future__ import annotations

from django.urls import path

from banyan.integration.watch import views

urlpatterns = [
    path("health", views.show, name="health_board"),
    path("health/board", views.again, name="health_board_again"),
    path("health/report.pdf", views.report, name="health_report"),
]
