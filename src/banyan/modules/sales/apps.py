from django.apps import AppConfig


class SalesConfig(AppConfig):
    name = "banyan.modules.sales"
    label = "sales"
