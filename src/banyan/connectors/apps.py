from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "banyan.connectors"
    label = "connectors"

    def ready(self) -> None:
        """Read each `connector.py`, which registers it; heavy libraries are imported when a connector is used."""
        for folder in iter_modules(self.module.__path__, f"{self.name}."):
            if folder.ispkg and find_spec(f"{folder.name}.connector"):
                import_module(f"{folder.name}.connector")
