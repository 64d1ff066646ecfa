"""What waits for the disk: what was done, always; a refusal, only where it stands in a wider transaction (ADR 0012)."""

from __future__ import annotations

import pytest
from django.db import transaction

from banyan.kernel import db, registry
from banyan.kernel.commands import execute
from banyan.lib.errors import NotAllowed

_WATCHED = """
    CREATE TABLE seen (outcome text, waits text);
    CREATE FUNCTION note_wait() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        INSERT INTO seen VALUES (NEW.outcome, current_setting('synchronous_commit'));
        RETURN NEW;
    END $$;
    CREATE TRIGGER note_wait BEFORE INSERT ON kernel_audit FOR EACH ROW EXECUTE FUNCTION note_wait();
    SET synchronous_commit = on;
"""


@pytest.fixture
def seen(live_db):
    """Give what each audit line's transaction would wait for when it commits."""
    db.run(_WATCHED)
    yield lambda: db.rows("SELECT outcome, waits FROM seen")
    db.run("RESET synchronous_commit")


def create(who, login):
    return execute(who, registry.command("kernel.user.create"), data={"records": [{"login": login, "name": "x"}]})


def test_what_was_done_waits_for_the_disk_and_a_lone_refusal_does_not(seen, ctx, nobody):
    create(ctx, "done")
    with pytest.raises(NotAllowed):
        create(nobody, "refused")
    assert seen() == [("done", "on"), ("refused", "off")]
    assert db.one("SHOW synchronous_commit")[0] == "on"


def test_a_refusal_within_a_wider_transaction_lets_that_one_wait(seen, ctx, nobody):
    with transaction.atomic():
        create(ctx, "done")
        with pytest.raises(NotAllowed):
            create(nobody, "refused")
        assert db.one("SHOW synchronous_commit")[0] == "on"
    assert seen() == [("done", "on"), ("refused", "on")]
