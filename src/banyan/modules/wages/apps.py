from django.apps import AppConfig


class WagesConfig(AppConfig):
    name = "banyan.modules.wages"
    label = "wages"
