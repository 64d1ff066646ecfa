"""The trace that a message belongs to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integration", "0005_saga_steps"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="trace",
            field=models.CharField(max_length=55, null=True),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=models.Q(("trace__isnull", False)),
                fields=["trace"],
                name="integration_message_trace",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
    ]
