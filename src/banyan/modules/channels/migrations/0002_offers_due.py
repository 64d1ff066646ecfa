"""Notes what may change an offer where it happens: free stock of items that are listed, listings, shops."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION channels_stock_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (item, plant)
    SELECT n.item_id, n.plant_id FROM fresh n
    WHERE EXISTS (SELECT FROM channels_listing l WHERE l.item_id = n.item_id)
       OR EXISTS (SELECT FROM channels_listingpart p WHERE p.item_id = n.item_id);
    RETURN NULL;
END $$;

CREATE FUNCTION channels_stock_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (item, plant)
    SELECT n.item_id, n.plant_id FROM fresh n JOIN stale o ON o.id = n.id
    WHERE n.available - n.promised <> o.available - o.promised
      AND (EXISTS (SELECT FROM channels_listing l WHERE l.item_id = n.item_id)
           OR EXISTS (SELECT FROM channels_listingpart p WHERE p.item_id = n.item_id));
    RETURN NULL;
END $$;

CREATE FUNCTION channels_listing_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (listing) SELECT n.id FROM fresh n;
    RETURN NULL;
END $$;

CREATE FUNCTION channels_parts_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (listing) SELECT DISTINCT n.listing_id FROM fresh n;
    RETURN NULL;
END $$;

CREATE FUNCTION channels_shop_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO channels_offerdue (listing)
    SELECT l.id FROM fresh n JOIN stale o ON o.id = n.id JOIN channels_listing l ON l.shop_id = n.id
    WHERE (n.safety_percent, n.plant_id, n.is_active) IS DISTINCT FROM (o.safety_percent, o.plant_id, o.is_active);
    RETURN NULL;
END $$;

CREATE TRIGGER channels_new_stock AFTER INSERT ON inventory_supply
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_stock_is_new();
CREATE TRIGGER channels_changed_stock AFTER UPDATE ON inventory_supply
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION channels_stock_changes();
CREATE TRIGGER channels_new_listing AFTER INSERT ON channels_listing
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_listing_changes();
CREATE TRIGGER channels_changed_listing AFTER UPDATE ON channels_listing
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_listing_changes();
CREATE TRIGGER channels_new_part AFTER INSERT ON channels_listingpart
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_parts_change();
CREATE TRIGGER channels_changed_part AFTER UPDATE ON channels_listingpart
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION channels_parts_change();
CREATE TRIGGER channels_changed_shop AFTER UPDATE ON channels_shop
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION channels_shop_changes();
"""

BACKWARD = """
DROP TRIGGER channels_new_stock ON inventory_supply;
DROP TRIGGER channels_changed_stock ON inventory_supply;
DROP TRIGGER channels_new_listing ON channels_listing;
DROP TRIGGER channels_changed_listing ON channels_listing;
DROP TRIGGER channels_new_part ON channels_listingpart;
DROP TRIGGER channels_changed_part ON channels_listingpart;
DROP TRIGGER channels_changed_shop ON channels_shop;
DROP FUNCTION channels_stock_is_new, channels_stock_changes, channels_listing_changes, channels_parts_change,
    channels_shop_changes;
"""


class Migration(migrations.Migration):
    dependencies = [("channels", "0001_initial"), ("inventory", "0002_lot_numbers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
