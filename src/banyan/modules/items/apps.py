from django.apps import AppConfig


class ItemsConfig(AppConfig):
    name = "banyan.modules.items"
    label = "items"
