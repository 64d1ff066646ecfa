from django.apps import AppConfig


class IntegrationConfig(AppConfig):
    name = "banyan.integration"
    label = "integration"
