"""The front of the product: shell, generic screens, sign-in."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "banyan.web"
    label = "web"
