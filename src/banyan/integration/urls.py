"""The entrance for partners."""

from django.urls import path

from banyan.integration import hooks

urlpatterns = [path("<str:system>/<str:operation>", hooks.receive, name="hook")]
