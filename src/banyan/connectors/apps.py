"""Reads every connector there is, so that its key is known: a folder each, with its classes in the package itself."""

from importlib import import_module
from pkgutil import iter_modules

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "banyan.connectors"
    label = "connectors"

    def ready(self) -> None:
        from banyan import connectors

        for found in iter_modules(connectors.__path__):
            if found.ispkg:
                import_module(f"{connectors.__name__}.{found.name}")
