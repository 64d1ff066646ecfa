"""Warehouses of one plant: rules name a location, orders remember theirs, offers follow what is moved between them."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

FORWARD = """
CREATE FUNCTION channels_place_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM channels_warehouse WHERE location_id IS NOT NULL) THEN
        INSERT INTO channels_offerdue (item, plant, is_more)
        SELECT DISTINCT n.item_id, n.plant_id, true FROM fresh n
        WHERE n.on_hand > n.allocated
          AND (EXISTS (SELECT FROM channels_listing l WHERE l.item_id = n.item_id)
               OR EXISTS (SELECT FROM channels_listingpart p WHERE p.item_id = n.item_id));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION channels_place_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM channels_warehouse WHERE location_id IS NOT NULL) THEN
        INSERT INTO channels_offerdue (item, plant, is_more)
        SELECT n.item_id, n.plant_id, bool_or(n.on_hand - n.allocated > o.on_hand - o.allocated)
        FROM fresh n JOIN stale o ON o.id = n.id
        WHERE n.on_hand - n.allocated <> o.on_hand - o.allocated
          AND (EXISTS (SELECT FROM channels_listing l WHERE l.item_id = n.item_id)
               OR EXISTS (SELECT FROM channels_listingpart p WHERE p.item_id = n.item_id))
        GROUP BY 1, 2;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION channels_warehouse_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (listing)
    SELECT DISTINCT l.id FROM fresh n JOIN channels_listing l ON n.shop_id IS NULL OR l.shop_id = n.shop_id;
    RETURN NULL;
END $$;

CREATE TRIGGER channels_new_place AFTER INSERT ON inventory_balance
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_place_is_new();
CREATE TRIGGER channels_changed_place AFTER UPDATE ON inventory_balance
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION channels_place_changes();
CREATE TRIGGER channels_new_warehouse AFTER INSERT ON channels_warehouse
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_warehouse_changes();
CREATE TRIGGER channels_changed_warehouse AFTER UPDATE ON channels_warehouse
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_warehouse_changes();
CREATE TRIGGER channels_gone_warehouse AFTER DELETE ON channels_warehouse
    REFERENCING OLD TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_warehouse_changes();
"""

BACKWARD = """
DROP TRIGGER channels_new_place ON inventory_balance;
DROP TRIGGER channels_changed_place ON inventory_balance;
DROP TRIGGER channels_new_warehouse ON channels_warehouse;
DROP TRIGGER channels_changed_warehouse ON channels_warehouse;
DROP TRIGGER channels_gone_warehouse ON channels_warehouse;
DROP FUNCTION channels_place_is_new, channels_place_changes, channels_warehouse_changes;
"""


class Migration(migrations.Migration):
    dependencies = [("channels", "0003_stock_grows"), ("inventory", "0002_lot_numbers")]
    operations = [
        migrations.RemoveConstraint("warehouse", "channels_warehouse_once"),
        migrations.AddField(
            "channelorder",
            "location",
            models.ForeignKey(
                db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT,
                related_name="+", to="inventory.location",
            ),
        ),
        migrations.AddField(
            "warehouse",
            "location",
            models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                to="inventory.location",
            ),
        ),
        migrations.AddIndex(
            "channelorder",
            models.Index(
                fields=["location"], name="channels_order_place",
                condition=Q(location__isnull=False, state__in=("accepted", "allocated")),
            ),
        ),
        migrations.AddConstraint(
            "warehouse",
            models.UniqueConstraint(
                fields=("shop", "plant", "location"), name="channels_warehouse_once", nulls_distinct=False
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]  # fmt: skip
