"""The front of the product: shell, generic screens, sign-in."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "banyan.web"
    label = "web"

    def ready(self) -> None:
        from banyan.web import sessions  # noqa: F401  hears of those who sign in
