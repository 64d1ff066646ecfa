from django.apps import AppConfig


class HandheldConfig(AppConfig):
    name = "banyan.modules.handheld"
    label = "handheld"
