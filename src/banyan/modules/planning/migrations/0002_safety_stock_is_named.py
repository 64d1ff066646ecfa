from django.db import migrations

#: Safety stock was named by its item; now by the planning data that ask for it, so that it can be opened.
FORWARD = "; ".join(
    f"""
    UPDATE {table} p SET demand = s.id FROM planning_run r, items_itemplant s
    WHERE r.id = p.run_id AND p.demand_noun = 'items.item_plant' AND s.item_id = p.demand AND s.plant_id = r.plant_id
    """
    for table in ("planning_peg", "planning_message")
)
BACKWARD = "; ".join(
    f"""
    UPDATE {table} p SET demand = s.item_id FROM items_itemplant s
    WHERE p.demand_noun = 'items.item_plant' AND s.id = p.demand
    """
    for table in ("planning_peg", "planning_message")
)


class Migration(migrations.Migration):
    dependencies = [("planning", "0001_initial"), ("items", "0002_sorted_by_name")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
