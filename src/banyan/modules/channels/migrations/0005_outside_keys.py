"""Shops' own keys: of goods beside the SKU, and of orders beside the number."""

from django.db import migrations, models
from django.db.models import Q


def _key(**more: bool) -> models.CharField:
    return models.CharField(blank=True, default="", max_length=80, **more)


class Migration(migrations.Migration):
    dependencies = [("channels", "0004_warehouses")]
    operations = [
        *(
            migrations.AddField("listing", name, _key())
            for name in ("outside_item", "outside_sku", "outside_stock", "outside_place")
        ),
        *(migrations.AddField("channelorderline", name, _key(editable=False)) for name in ("outside_item", "outside_sku")),
        migrations.AddField("channelorder", "outside_id", _key(editable=False)),
        migrations.AddIndex(
            "channelorder",
            models.Index(fields=["shop", "outside_id"], name="channels_order_key", condition=~Q(outside_id="")),
        ),
    ]
