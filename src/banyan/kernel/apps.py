"""Start of the kernel: every module's declarations are read once, and the database's guards follow migrations."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class KernelConfig(AppConfig):
    name = "banyan.kernel"
    label = "kernel"

    def ready(self) -> None:
        from django.conf import settings

        from banyan.kernel import discovery, tracing

        discovery.discover()
        post_migrate.connect(_guard)
        tracing.set_up(settings.BANYAN_OTLP_ENDPOINT, settings.BANYAN_OTLP_SECRET_HEADERS, settings.BANYAN_OTLP_SAMPLE)


def _guard(sender: AppConfig, **_: object) -> None:
    """Install the guards once, after the last app with tables has migrated."""
    from banyan.kernel import guards

    if sender is [config for config in apps.get_app_configs() if config.models_module][-1]:
        guards.install()
