"""Flows from one system to another; how far what an event led to has come; limits of single operations."""

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
        migrations.AddField(
            model_name="system",
            name="limits",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="gauge",
            name="operation",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AlterField(
            model_name="gauge",
            name="system",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="integration.system"),
        ),
        migrations.AddConstraint(
            model_name="gauge",
            constraint=models.UniqueConstraint(fields=("system", "operation"), name="integration_gauge_once"),
        ),
    ]
