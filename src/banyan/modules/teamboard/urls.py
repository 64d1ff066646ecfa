"""Addresses of the team board."""

from __future__ import annotations

from django.urls import path

from banyan.modules.teamboard import views

urlpatterns = [
    path("", views.show, name="teamboard"),
    path("board", views.again, name="teamboard_again"),
    path("approval", views.approval, name="teamboard_approval"),
    path("flags", views.flags, name="teamboard_flags"),
    path("give", views.give),
    path("arrange", views.arrange),
    path("urgent", views.urgent),
    path("split", views.split),
    path("proposal", views.proposal),
    path("accept", views.accept),
    path("approve", views.approve),
    path("settle", views.settle),
    path("dismiss", views.dismiss),
    path("book", views.book),
    path("correct", views.correct),
    path("reverse", views.reverse),
    path("restore", views.restore),
]
