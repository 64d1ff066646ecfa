"""The environment that the database belongs to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integration", "0006_traces"),
    ]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.SmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(max_length=12)),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="integration_installation_one"),
                    models.CheckConstraint(condition=models.Q(("environment__in", ("test", "production"))), name="integration_installation_environment"),
                ],
            },
        ),
    ]
