"""How many steps of traces were sent to a collector, and dropped."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0004_clients"),
    ]

    operations = [
        migrations.CreateModel(
            name="SpanTally",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("sent", models.BigIntegerField(default=0)),
                ("dropped", models.BigIntegerField(default=0)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
