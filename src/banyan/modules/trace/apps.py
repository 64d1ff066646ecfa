from django.apps import AppConfig


class TraceConfig(AppConfig):
    name = "banyan.modules.trace"
    label = "trace"
