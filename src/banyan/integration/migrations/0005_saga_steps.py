"""Flows may be the steps of a saga: a trigger of their own."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integration', '0004_answered'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='flow',
            name='integration_flow_trigger',
        ),
        migrations.AddConstraint(
            model_name='flow',
            constraint=models.CheckConstraint(condition=models.Q(('trigger__in', ('event', 'schedule', 'poll', 'webhook', 'file', 'queue', 'saga'))), name='integration_flow_trigger'),
        ),
    ]
