from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "banyan.integration.gateway"
    label = "gateway"
