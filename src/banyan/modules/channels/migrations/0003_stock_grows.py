"""Notes where free stock has grown, so that orders that wait for it are tried again."""

from django.db import migrations, models
from django.db.models import Q

FORWARD = """
CREATE OR REPLACE FUNCTION channels_stock_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (item, plant, is_more)
    SELECT n.item_id, n.plant_id, n.available - n.promised > 0 FROM fresh n
    WHERE EXISTS (SELECT FROM channels_listing l WHERE l.item_id = n.item_id)
       OR EXISTS (SELECT FROM channels_listingpart p WHERE p.item_id = n.item_id);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION channels_stock_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (item, plant, is_more)
    SELECT n.item_id, n.plant_id, n.available - n.promised > o.available - o.promised
    FROM fresh n JOIN stale o ON o.id = n.id
    WHERE n.available - n.promised <> o.available - o.promised
      AND (EXISTS (SELECT FROM channels_listing l WHERE l.item_id = n.item_id)
           OR EXISTS (SELECT FROM channels_listingpart p WHERE p.item_id = n.item_id));
    RETURN NULL;
END $$;
"""

BACKWARD = FORWARD.replace(", is_more)", ")").replace(", n.available - n.promised > 0 FROM", " FROM").replace(
    ", n.available - n.promised > o.available - o.promised\n", "\n"
)


class Migration(migrations.Migration):
    dependencies = [("channels", "0002_offers_due")]
    operations = [
        migrations.AddField("offerdue", "is_more", models.BooleanField(default=False, db_default=False)),
        migrations.AddIndex(
            "channelorder",
            models.Index(
                fields=["ordered_at", "id"], name="channels_order_short", condition=Q(state="held", hold="no_stock")
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
