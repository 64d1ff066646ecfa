from django.apps import AppConfig


class FinanceConfig(AppConfig):
    name = "banyan.modules.finance"
    label = "finance"
