from django.apps import AppConfig


class EquipmentConfig(AppConfig):
    name = "banyan.modules.equipment"
    label = "equipment"
