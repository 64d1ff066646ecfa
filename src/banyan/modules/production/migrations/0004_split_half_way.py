"""How many counts that had come to an operation went on in an order of their own."""

from django.db import migrations

from banyan.kernel.models import QuantityField


class Migration(migrations.Migration):
    dependencies = [("production", "0003_day_of_reports")]

    operations = [
        migrations.AddField("operation", "split_quantity", QuantityField(default=0, editable=False)),
    ]
