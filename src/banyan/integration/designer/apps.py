from django.apps import AppConfig


class DesignerConfig(AppConfig):
    name = "banyan.integration.designer"
    label = "designer"
