"""Two people at the same wages at once."""

from __future__ import annotations

import threading

from django.db import connection

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.lib.errors import DomainError
from banyan.modules.wages.models import Statement, StatementItem
from src.banyan.modules.wages.tests.conftest import Payroll
from tests.plugins.world import World


def test_two_who_confirm_or_prepare_at_once_do_it_once(live_db, ctx):
    shop = Payroll(World(ctx))
    shop.stocked()
    shop.current = shop.released()
    shop.rate()
    shop.good(20)
    shop.approve()

    def both(act):
        gate, found = threading.Barrier(2), []

        def one():
            try:
                gate.wait()
                found.append(act())
            except DomainError as refusal:
                found.append(refusal.code)
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    prepare = registry.command("wages.statement.prepare")
    prepared = both(lambda: execute(ctx, prepare, data={"month": "2026-03-01"}).value)
    assert len({s.pk for group in prepared for s in group}) == 1
    key = Statement.objects.get().pk
    confirmed = both(lambda: execute(ctx, registry.command("wages.statement.confirm"), ids=[key]).ids)
    assert sorted(map(str, confirmed)) == sorted([str((key,)), "wrong_state"])
    assert StatementItem.objects.count() == 1
