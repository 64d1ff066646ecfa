from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "banyan.modules.people"
    label = "people"
