"""Flows that a connector brings along: made drafts with a sample each, set to a shop, never twice."""

from __future__ import annotations

import pytest

from banyan.integration.errors import NoPresets
from banyan.integration.models import Flow, Sample
from banyan.integration.rules import condition_set_to, value_set_to
from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.models import User
from banyan.lib.errors import NotFound
from banyan.lib.ids import new_id


def test_settings_stand_in_conditions_as_texts_whatever_is_in_them():
    text = 'data.shop = settings.shop and data.sku != "settings" and x = settings.none'
    assert condition_set_to(text, {"shop": 'S"1\\'}) == (
        'data.shop = "S\\"1\\\\" and data.sku != "settings" and x = ""'
    )
    given = {"shop": "settings.shop", "note": "my settings.shop", "rows": [{"n": 1, "of": "settings.shop"}]}
    assert value_set_to(given, {"shop": "S1"}) == {"shop": "S1", "note": "my settings.shop",
                                                   "rows": [{"n": 1, "of": "S1"}]}  # fmt: skip


@pytest.mark.django_db
def test_flows_are_made_drafts_that_pass_their_samples_and_are_not_made_twice(ctx):
    def do(key, *ids, **data):
        return execute(ctx, registry.command(key), ids=ids, data=data or None)

    user = User.objects.create(login="bus-v", name="接口", is_program=True)
    system = do("integration.system.create", records=[dict(
        code="V", name="V", connector="vendure", account=str(user.pk),
        settings={"address": "https://shop.example", "user": "erp"})]).ids[0]  # fmt: skip

    def add(**more):
        return do("integration.flow.add_presets", system=str(system), settings={"shop": "S1"}, **more).value

    assert [one.code for one in add(names=["stock"])] == ["V-stock"]
    assert [one.code for one in add()] == ["V-orders", "V-ship", "V-cancel", "V-refunds", "V-refund"]
    assert add() == ()
    stock = Flow.objects.get(code="V-stock")
    assert (stock.state, stock.direction, stock.order, stock.target) == ("draft", "out", "newest", "stock")
    assert (stock.filter, stock.detail) == ('data.shop = "S1"', {"events": ["channels.offer_changed"]})
    assert Sample.objects.get(flow=stock).output == {"sku": "LAMP-01-W", "quantity": "42"}
    do("integration.flow.test", *Flow.objects.values_list("pk", flat=True))
    with pytest.raises(NoPresets):
        add(names=["stock", "nothing"])
    with pytest.raises(NotFound):
        do("integration.flow.add_presets", system=str(new_id()))
    assert Flow.objects.count() == 6
