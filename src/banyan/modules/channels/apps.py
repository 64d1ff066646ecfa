from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    name = "banyan.modules.channels"
    label = "channels"
