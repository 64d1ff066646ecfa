from django.apps import AppConfig


class PurchasingConfig(AppConfig):
    name = "banyan.modules.purchasing"
    label = "purchasing"
