"""The last guard of released revisions: nobody changes their lines, and nothing of them but how long they count."""

from django.db import migrations

KEPT = "ARRAY['state', 'effective_to', 'version', 'changed_at', 'changed_by_id']"

FORWARD = f"""
CREATE OR REPLACE FUNCTION engineering_revision_is_final() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR NEW.state = 'draft' OR to_jsonb(NEW) - {KEPT} IS DISTINCT FROM to_jsonb(OLD) - {KEPT} THEN
        RAISE EXCEPTION 'a released revision can no longer change'
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_is_final', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION engineering_bom_lines_are_final() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM touched t JOIN engineering_bom b ON b.id = t.bom_id WHERE b.state <> 'draft') THEN
        RAISE EXCEPTION 'a released revision can no longer change'
            USING ERRCODE = '23514', CONSTRAINT = 'engineering_bom_is_final', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION engineering_routing_lines_are_final() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM touched t JOIN engineering_routing r ON r.id = t.routing_id WHERE r.state <> 'draft') THEN
        RAISE EXCEPTION 'a released revision can no longer change'
            USING ERRCODE = '23514', CONSTRAINT = 'engineering_routing_is_final', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER engineering_is_final BEFORE UPDATE OR DELETE ON engineering_bom
    FOR EACH ROW EXECUTE FUNCTION engineering_revision_is_final();
CREATE TRIGGER engineering_is_final BEFORE UPDATE OR DELETE ON engineering_routing
    FOR EACH ROW EXECUTE FUNCTION engineering_revision_is_final();
"""

BACK = """
DROP TRIGGER engineering_is_final ON engineering_bom;
DROP TRIGGER engineering_is_final ON engineering_routing;
DROP FUNCTION engineering_revision_is_final();
DROP FUNCTION engineering_bom_lines_are_final() CASCADE;
DROP FUNCTION engineering_routing_lines_are_final() CASCADE;
"""


def _on_lines(table: str, function: str) -> str:
    return "".join(
        f"CREATE TRIGGER engineering_{name}_is_final AFTER {operation} ON {table} "
        f"REFERENCING {rows} TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION {function}();\n"
        for name, operation, rows in (
            ("insert", "INSERT", "NEW"), ("update", "UPDATE", "NEW"), ("update_of", "UPDATE", "OLD"),
            ("delete", "DELETE", "OLD"),
        )
    )  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("engineering", "0001_initial")]

    operations = [
        migrations.RunSQL(
            FORWARD
            + _on_lines("engineering_bomline", "engineering_bom_lines_are_final")
            + _on_lines("engineering_bomoutput", "engineering_bom_lines_are_final")
            + _on_lines("engineering_routingoperation", "engineering_routing_lines_are_final"),
            BACK,
        )
    ]
