"""Rules and scans that are there from the beginning; scans that read a partner through a flow's mapping."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("watch", "0002_minutes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Seed",
            fields=[
                ("key", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="scan",
            name="is_mapped",
            field=models.BooleanField(default=False),
        ),
    ]
