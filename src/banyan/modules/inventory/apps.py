from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "banyan.modules.inventory"
    label = "inventory"
