from django.apps import AppConfig


class SagaConfig(AppConfig):
    name = "banyan.integration.saga"
    label = "saga"
