from django.apps import AppConfig


class ProductionConfig(AppConfig):
    name = "banyan.modules.production"
    label = "production"
