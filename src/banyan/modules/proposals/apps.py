from django.apps import AppConfig


class ProposalsConfig(AppConfig):
    name = "banyan.modules.proposals"
    label = "proposals"
