"""When session keys end, and how their renewal goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integration", "0008_either_end"),
    ]

    operations = [
        migrations.AddField("secret", "ends_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddField("secret", "renew_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddField("secret", "failures", models.PositiveIntegerField(default=0, editable=False)),
        migrations.AddField("secret", "error", models.TextField(blank=True, default="", editable=False)),
    ]
