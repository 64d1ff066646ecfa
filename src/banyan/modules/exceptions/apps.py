from django.apps import AppConfig


class ExceptionsConfig(AppConfig):
    name = "banyan.modules.exceptions"
    label = "exceptions"
