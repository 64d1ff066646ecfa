from django.db import migrations, models


class Migration(migrations.Migration):
    """Say of each work centre who may report there: anyone, as before, unless it is changed."""

    dependencies = [("equipment", "0001_initial")]

    operations = [
        migrations.AddField("workcentre", "reporters", models.CharField(default="anyone", max_length=8)),
        migrations.AddConstraint(
            "workcentre",
            models.CheckConstraint(
                condition=models.Q(("reporters__in", ("anyone", "skilled", "given"))),
                name="equipment_work_centre_reporters",
            ),
        ),
    ]
