"""Flows from one system to another, and how far what an event led to has come."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integration", "0007_installation"),
    ]

    operations = [
        migrations.AddField(
            model_name="flow",
            name="origin",
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="integration.system"),
        ),
        migrations.CreateModel(
            name="Hop",
            fields=[
                ("xid", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("hops", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
