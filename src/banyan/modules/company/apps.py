from django.apps import AppConfig


class CompanyConfig(AppConfig):
    name = "banyan.modules.company"
    label = "company"
