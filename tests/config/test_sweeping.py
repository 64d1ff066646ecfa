"""What a test commits is taken back wholly: rows, the template's own in their place, sequences, other connections."""

from __future__ import annotations

import pytest
from django.db import connection

from banyan.kernel import db
from banyan.kernel.models import RoleGrant, User
from tests.plugins import database
from tests.plugins.levels import later
from tests.plugins.world import World


@pytest.fixture
def kept(live_db):
    """Give this worker's database, that the test may sweep by itself."""
    (found,) = database._kept
    return found


def swept(kept) -> bool:
    return kept.sweeper.is_restored(database._own_connection())


def test_rows_and_sequences_are_as_the_template_has_them(kept, ctx):
    world = World(ctx)
    assert world.plant
    order = world.make("sales.order", party=world.customer, lines=[{"item": world.part, "quantity": "2", "price": "9"}])
    grants = RoleGrant.objects.count()
    RoleGrant.objects.all().delete()
    User.objects.create(login="one", name="x")
    db.run("SELECT setval(pg_get_serial_sequence('procrastinate_jobs', 'id'), 4711)")
    assert {"sales_order", "kernel_user", "kernel_audit"} < set(kept.sweeper.differing())
    assert swept(kept)
    assert kept.sweeper.differing() == []
    assert (RoleGrant.objects.count() > 0) == (grants > 0)
    assert not type(order).objects.exists()
    assert db.one("SELECT last_value FROM procrastinate_jobs_id_seq")[0] < 4711


def test_what_is_made_once_stands_as_it_was_for_each_test(kept, ctx):
    made = []

    def make() -> World:
        world = World(ctx)
        lines = [{"item": world.part, "quantity": "2", "price": "9"}]
        world.order = world.make("sales.order", plant=world.plant, party=world.customer, lines=lines)
        made.append(world)
        return world

    def rows() -> dict:
        return {table: sorted(copied.split(b"\n")) for table, copied in kept.sweeper.held().rows.items()}

    first = kept.again(make)
    held = rows()
    first.do("sales.order.confirm", first.order)
    User.objects.create(login="one", name="x")
    assert swept(kept)
    second = kept.again(make)
    assert len(made) == 1
    assert rows() == held
    assert second.order.state == "draft"
    second.do("sales.order.confirm", second.order)
    assert swept(kept)
    assert kept.sweeper.differing() == []


def test_what_another_connection_wrote_is_taken_back_and_its_connection_ended(kept):
    from concurrent.futures import ThreadPoolExecutor

    def write() -> int:
        User.objects.create(login="other", name="x")
        return connection.connection.info.backend_pid

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(write).result()
        assert swept(kept)
    assert kept.sweeper.differing() == []
    assert db.one("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [other])[0] == 0


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE mine (n int)", "ANALYZE kernel_user", *map(later, (
        "ALTER TABLE sales_order ADD COLUMN mine int", "CREATE INDEX ON sales_order (id)",
        "ALTER TABLE kernel_user ALTER COLUMN name DROP NOT NULL", "ALTER TABLE kernel_audit DISABLE TRIGGER ALL",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "GRANT DELETE ON kernel_audit TO banyan_app",
    ))],
)  # fmt: skip
def test_more_than_rows_asks_for_a_new_copy(kept, statement):
    User.objects.create(login="one", name="x")
    db.run(statement)
    assert not swept(kept)


def test_a_transaction_left_open_does_not_outlive_its_test(kept):
    db.run("BEGIN")
    User.objects.create(login="open", name="x")
    assert swept(kept)
    assert not User.objects.filter(login="open").exists()
