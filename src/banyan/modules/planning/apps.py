from django.apps import AppConfig


class PlanningConfig(AppConfig):
    name = "banyan.modules.planning"
    label = "planning"
