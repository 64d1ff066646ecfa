from django.apps import AppConfig


class MappingConfig(AppConfig):
    name = "banyan.integration.mapping"
    label = "mapping"
