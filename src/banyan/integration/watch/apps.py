from django.apps import AppConfig


class WatchConfig(AppConfig):
    name = "banyan.integration.watch"
    label = "watch"
