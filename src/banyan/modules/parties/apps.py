from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "banyan.modules.parties"
    label = "parties"
