from django.apps import AppConfig


class StationConfig(AppConfig):
    name = "banyan.modules.station"
    label = "station"
