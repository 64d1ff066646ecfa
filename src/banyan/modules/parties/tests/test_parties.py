"""Blocking, deactivating and reading parties."""

from __future__ import annotations

import pytest

from banyan.kernel.models import Outbox
from banyan.lib.errors import NotAllowed
from banyan.modules.parties import errors, queries
from banyan.modules.parties.commands import block_parties
from banyan.modules.parties.models import Party

pytestmark = pytest.mark.django_db


def test_a_blocked_party_is_refused_with_its_reason_until_unblocked(world):
    customer = world.customer
    world.do("parties.party.block", customer, reason="超期未付")
    assert customer.is_blocked
    with pytest.raises(errors.PartyBlocked) as refused:
        queries.require_usable([customer.pk], "customer")
    assert refused.value.facts == {"party": "远山机械", "reason": "超期未付"}
    world.do("parties.party.unblock", customer)
    assert queries.require_usable([customer.pk], "customer")[customer.pk].code == "CU-1"
    told = Outbox.objects.filter(noun="parties.party").order_by("seq").values_list("type", flat=True)
    assert list(told) == ["parties.party_blocked", "parties.party_unblocked"]


def test_the_first_reason_is_not_overwritten(world):
    world.do("parties.party.block", world.customer, reason="超期未付")
    with pytest.raises(errors.AlreadyBlocked):
        world.do("parties.party.block", world.customer, reason="别的")
    assert Party.objects.get(pk=world.customer.pk).block_reason == "超期未付"


def test_whoever_has_no_right_cannot_block(world, nobody):
    with pytest.raises(NotAllowed):
        block_parties(nobody, world.customer, reason="试试")
    assert not Party.objects.get(pk=world.customer.pk).is_blocked


def test_parts_and_inactivity_are_said(world):
    with pytest.raises(errors.NotASupplier):
        queries.require_usable([world.customer.pk], "supplier")
    world.do("parties.party.deactivate", world.customer)
    with pytest.raises(errors.PartyInactive):
        queries.require_usable([world.customer.pk], "customer")
    world.do("parties.party.activate", world.customer)
    assert queries.require_usable([world.customer.pk], "customer")


def test_many_parties_are_read_in_one_statement(world, django_assert_num_queries):
    ids = [world.party().pk for _ in range(5)]
    with django_assert_num_queries(1):
        assert len(queries.parties_by_id(ids)) == 5
    with django_assert_num_queries(0):
        assert queries.parties_by_id([None]) == {}


def test_outside_codes_belong_to_one_party(world, django_assert_num_queries):
    codes = [{"system": "shop", "outside_code": "77"}]
    first = world.party(external_ids=codes)
    with pytest.raises(errors.OutsideCodeTaken):
        world.party(external_ids=codes)
    with django_assert_num_queries(1):
        assert queries.by_outside_codes("shop", ["77", "78"]) == {"77": first.pk}


def test_a_party_has_a_part_and_one_default_address_of_a_kind(world):
    with pytest.raises(errors.PartyHasNoPart):
        world.party(is_customer=False)
    address = {"kind": "delivery", "line": "榕树路1号", "is_default": True}
    with pytest.raises(errors.TwoDefaultAddresses):
        world.party(addresses=[address, address])
