from django.apps import AppConfig


class TeamboardConfig(AppConfig):
    name = "banyan.modules.teamboard"
    label = "teamboard"
