from django.apps import AppConfig


class EngineeringConfig(AppConfig):
    name = "banyan.modules.engineering"
    label = "engineering"
