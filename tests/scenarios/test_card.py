"""A temporary card from its name to a BOM and a routing in engineering, its cost traced into the ledger."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from banyan.kernel import db
from banyan.kernel.commands import execute
from banyan.kernel.proofs import run
from banyan.kernel.registry import command, port
from banyan.lib.errors import Conflict, Invalid, NotAllowed
from banyan.modules.engineering.models import Bom, BomLine, Routing, RoutingOperation
from banyan.modules.items.models import Item
from banyan.modules.production.models import WorkOrder
from banyan.modules.proposals.errors import (
    CentreNeeded,
    CodeTaken,
    ItemNeeded,
    NotDecided,
    NothingAccepted,
    NumberTaken,
)
from banyan.modules.proposals.models import Proposal, ProposalLine
from src.banyan.modules.production.tests.conftest import Shop

pytestmark = pytest.mark.django_db
KEYS = [
    "proposals.costs", "proposals.decided", "finance.wip", "finance.stock_in_ledger", "finance.entries_balance",
    "production.made", "production.deviations", "inventory.balances",
]  # fmt: skip


@pytest.fixture
def shop(world):
    return Shop(world)


@pytest.fixture
def books(ctx, world, shop):
    assert world.plant
    execute(ctx, command("finance.account.install"), data={"chart": "cas_small"})
    execute(ctx, command("finance.period.open_year"), data={"year": 2026})
    shop.stocked()


def faults():
    return [fault.text for verdict in run(KEYS) for fault in verdict.found.faults]


def card(shop, ctx, **data):
    data["plant"] = shop.world.plant.pk
    made = execute(ctx, command("production.work_order.make_card"), data=data).value[0]
    made.refresh_from_db()
    return made


def worked(shop, ctx, made, pieces, minutes):
    """Use two gears and a kilogram of steel, turn for some minutes, finish the card."""
    lines = [
        {"item": shop.world.part.pk, "quantity": str(2 * pieces)},
        {"item": shop.world.steel.pk, "quantity": str(pieces), "lot": shop.steel_lot.pk},
    ]
    execute(ctx, command("production.work_order.use_material"), ids=[made.pk], data={"lines": lines})
    for sequence in (10, 20):
        shop.report(made, sequence, "good", pieces, minutes=str(minutes))
    execute(ctx, command("production.work_order.finish_card"), ids=[made.pk])
    return Proposal.objects.get(work_order=made)


STEPS = [{"name": "车削"}, {"name": "去毛刺"}]


def ledger(order):
    """Give what the ledger holds of an order by event: the sum of its debits less its credits."""
    return dict(db.rows(
        "SELECT e.event, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END) "
        "FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id JOIN finance_account a "
        "ON a.id = l.account_id WHERE l.work_order_id = %s AND a.kind = 'cost' GROUP BY 1", [order.pk],
    ))  # fmt: skip


def decide(ctx, proposal, lines):
    execute(ctx, command("proposals.proposal.decide"), ids=[proposal.pk], data={"lines": lines})


def test_from_a_name_to_an_item_with_bom_and_routing(shop, ctx, books):
    steps = [{"name": "车削", "work_centre": shop.world.turning.pk}, {"name": "去毛刺"}]
    made = card(shop, ctx, part_name="非标支架", quantity="4", operations=steps)
    proposal = worked(shop, ctx, made, 4, 30)
    assert ledger(made) == {"material_issue": D("100.00"), "conversion": D("48.00"), "temporary_work": D("-148.00")}
    assert (proposal.actual_amount, proposal.standard_amount, proposal.quantity) == (148, None, 4)
    rows = list(ProposalLine.objects.filter(proposal=proposal).order_by("position"))
    assert [(r.part, r.change, r.name, r.quantity, r.actual_amount) for r in rows] == [
        ("item", "new", "非标支架", 0, 0), ("bom", "new", "齿轮", 2, 80), ("bom", "new", "圆钢", 1, 20),
        ("routing", "new", "车削", D("7.5"), 48), ("routing", "new", "去毛刺", D("7.5"), 0),
    ]  # fmt: skip
    item, gear, steel, turning, burr = (r.pk for r in rows)
    with pytest.raises(NotDecided):
        execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    with pytest.raises(Invalid):
        decide(ctx, proposal, [{"line": gear, "decision": "rejected"}])
    decide(ctx, proposal, [
        {"line": item, "decision": "rejected", "reason": "先不建"},
        {"line": gear, "decision": "accepted"},
        {"line": steel, "decision": "accepted", "quantity": "0.9"},
        {"line": turning, "decision": "accepted"},
        {"line": burr, "decision": "accepted"},
    ])  # fmt: skip
    with pytest.raises(ItemNeeded):
        execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    decide(ctx, proposal, [{"line": item, "decision": "accepted", "code": shop.world.part.code}])
    with pytest.raises(CodeTaken):
        execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    decide(ctx, proposal, [{"line": item, "decision": "accepted", "code": "BR-100"}])
    with pytest.raises(CentreNeeded):
        execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    assert not Item.objects.filter(code="BR-100").exists()
    decide(ctx, proposal, [{"line": burr, "decision": "accepted", "work_centre": shop.world.milling.pk}])
    execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    proposal.refresh_from_db()
    assert proposal.state == "applied"
    assert Item.objects.get(pk=proposal.made_item_id).code == "BR-100"
    bom, routing = Bom.objects.get(pk=proposal.made_bom_id), Routing.objects.get(pk=proposal.made_routing_id)
    assert (bom.state, bom.revision, routing.state) == ("draft", "A", "draft")
    assert list(BomLine.objects.filter(bom=bom).order_by("position").values_list("component", "quantity")) == [
        (shop.world.part.pk, 2), (shop.world.steel.pk, D("0.9")),
    ]  # fmt: skip
    rows = RoutingOperation.objects.filter(routing=routing).order_by("sequence")
    assert list(rows.values_list("name", "work_centre", "run_minutes")) == [
        ("车削", shop.world.turning.pk, D("7.5")), ("去毛刺", shop.world.milling.pk, D("7.5")),
    ]  # fmt: skip
    execute(ctx, command("engineering.bom.release"), ids=[bom.pk], data={})
    execute(ctx, command("engineering.routing.release"), ids=[routing.pk], data={})
    with pytest.raises(Conflict):
        execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    assert faults() == []


def test_a_card_on_a_known_item_is_compared_with_what_is_released(shop, ctx, books):
    assert shop.recipe
    shop.world.planned(shop.world.part, standard_cost="10")
    shop.world.planned(shop.world.steel, standard_cost="5")
    steps = [{"name": "车削", "work_centre": shop.world.turning.pk},
             {"name": "去毛刺", "work_centre": shop.world.milling.pk}]  # fmt: skip
    made = card(shop, ctx, item=shop.world.product.pk, quantity="4", operations=steps)
    proposal = worked(shop, ctx, made, 4, 30)
    made.refresh_from_db()
    found = ledger(made)
    assert (found["material_issue"], found["conversion"], found["completion"]) == (D(100), D(96), D("-196.00"))
    assert (made.completed_amount, proposal.actual_amount) == (196, 196)
    rows = {r.name: r for r in ProposalLine.objects.filter(proposal=proposal)}
    assert {name: (r.change, r.released_quantity, r.quantity) for name, r in rows.items()} == {
        "齿轮": ("same", 2, 2), "圆钢": ("changed", D("0.5"), 1), "螺钉": ("unused", 4, 0),
        "车削": ("changed", 2, D("7.5")), "去毛刺": ("new", None, D("7.5")), "铣削": ("unused", 1, 0),
        "检验": ("unused", 1, 0),
    }  # fmt: skip
    told = {"圆钢": "accepted", "螺钉": "rejected", "车削": "accepted", "去毛刺": "accepted", "铣削": "accepted",
            "检验": "rejected"}  # fmt: skip
    decide(ctx, proposal, [
        {"line": rows[name].pk, "decision": word, "reason": "仍需要" if word == "rejected" else ""}
        for name, word in told.items()
    ])  # fmt: skip
    execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    proposal.refresh_from_db()
    bom, routing = Bom.objects.get(pk=proposal.made_bom_id), Routing.objects.get(pk=proposal.made_routing_id)
    assert (bom.state, bom.revision) == ("draft", "B")
    assert list(BomLine.objects.filter(bom=bom).order_by("position").values_list("component", "quantity")) == [
        (shop.world.part.pk, 2), (shop.world.screw.pk, 4), (shop.world.steel.pk, 1),
    ]  # fmt: skip
    rows = RoutingOperation.objects.filter(routing=routing).order_by("sequence")
    assert list(rows.values_list("sequence", "name", "run_minutes")) == [
        (10, "车削", D("7.5")), (15, "去毛刺", D("7.5")), (30, "检验", 1),
    ]  # fmt: skip
    assert faults() == []


def release(shop, part, **lines):
    """Release a further revision of the product's BOM or routing, with these lines."""
    made = shop.world.do(f"engineering.{part}.new_revision", shop.recipe[part == "routing"])[0]
    shop.world.change(made, **lines)
    shop.world.do(f"engineering.{part}.release", made)


def learnt(shop, ctx, *names, used=(), pieces=4):
    """Finish a card on the product with operations of these names, each of a minute a piece; give its proposal."""
    steps = [{"name": name, "work_centre": shop.world.turning.pk} for name in names]
    made = card(shop, ctx, item=shop.world.product.pk, quantity=str(pieces), operations=steps)
    if used:
        execute(ctx, command("production.work_order.use_material"), ids=[made.pk], data={"lines": used})
    for n in range(1, len(names) + 1):
        shop.report(made, 10 * n, "good", pieces, minutes=str(pieces))
    execute(ctx, command("production.work_order.finish_card"), ids=[made.pk])
    return Proposal.objects.get(work_order=made)


def accepted(ctx, proposal, told):
    """Accept lines of a proposal by (name, number) as told, reject all others, make the drafts."""
    lines = ProposalLine.objects.filter(proposal=proposal).exclude(change="same")
    decide(ctx, proposal, [
        {"line": one.pk, "decision": "accepted"} | told[one.name, one.sequence]
        if (one.name, one.sequence) in told else {"line": one.pk, "decision": "rejected", "reason": "x"}
        for one in lines
    ])  # fmt: skip
    execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    proposal.refresh_from_db()
    return proposal


def steps_made(proposal, *fields):
    rows = RoutingOperation.objects.filter(routing=proposal.made_routing_id).order_by("sequence")
    return list(rows.values_list("sequence", "name", *fields))


def test_operations_done_in_another_order_are_shown_and_their_numbers_can_be_edited(shop, ctx, books):
    assert shop.recipe
    proposal = learnt(shop, ctx, "车削", "检验", "去毛刺", "铣削")
    rows = list(ProposalLine.objects.filter(proposal=proposal, part="routing").order_by("position"))
    assert [(r.name, r.change, r.code, r.sequence) for r in rows] == [
        ("车削", "changed", "10", 10), ("检验", "changed", "30", 13), ("去毛刺", "new", "", 16),
        ("铣削", "same", "20", 20),
    ]  # fmt: skip
    start = port("proposals.proposal.decide.start", dict)(ctx, [proposal.pk])
    assert dict(start["_choices"]["line"])[rows[1].pk] == "工序 30→13 检验：1 → 1 分钟"
    assert [row["sequence"] for row in start["lines"] if row["sequence"]] == [10, 13, 16]
    decide(ctx, proposal, [{"line": rows[3].pk, "decision": "accepted", "sequence": 25}])
    with pytest.raises(NumberTaken):
        accepted(ctx, proposal, {("检验", 13): {}, ("去毛刺", 16): {"sequence": 25}})
    accepted(ctx, proposal, {("检验", 13): {}, ("去毛刺", 25): {"sequence": 18}})
    assert steps_made(proposal, "run_minutes") == [
        (10, "车削", 2), (13, "检验", 1), (18, "去毛刺", 1), (25, "铣削", 1),
    ]  # fmt: skip
    assert {r.name: r.decision for r in ProposalLine.objects.filter(proposal=proposal, part="routing")} == {
        "车削": "rejected", "检验": "accepted", "去毛刺": "edited", "铣削": "edited",
    }  # fmt: skip
    used_at = BomLine.objects.filter(bom=proposal.made_bom_id).order_by("position").values_list("operation", flat=True)
    assert list(used_at) == [10, 25, 10]
    assert faults() == []


def test_two_steps_of_one_name_stay_two(shop, ctx, books):
    assert shop.recipe
    proposal = learnt(shop, ctx, "车削", "去毛刺", "铣削", "去毛刺", "检验")
    accepted(ctx, proposal, {("去毛刺", 15): {}, ("去毛刺", 25): {"quantity": "3"}})
    assert steps_made(proposal, "run_minutes") == [
        (10, "车削", 2), (15, "去毛刺", 1), (20, "铣削", 1), (25, "去毛刺", 3), (30, "检验", 1),
    ]  # fmt: skip
    assert proposal.made_bom_id is None
    assert faults() == []


def test_an_edited_name_of_a_known_operation_is_in_the_draft(shop, ctx, books):
    centre = {"work_centre": shop.world.turning, "needs_approval": True}
    release(shop, "routing", operations=[
        {"sequence": 10, "name": "车削", "name_en": "Turn", "run_minutes": "2"} | centre,
        {"sequence": 20, "name": "检验", "name_en": "Check", "run_minutes": "1"} | centre,
    ])  # fmt: skip
    proposal = learnt(shop, ctx, "车削", "检验")
    accepted(ctx, proposal, {("车削", 10): {"name": "精车"}})
    assert steps_made(proposal, "name_en", "run_minutes", "needs_approval") == [
        (10, "精车", "", 1, True), (20, "检验", "Check", 1, True),
    ]  # fmt: skip


def test_a_fixed_line_stays_fixed_and_lines_of_one_component_share_its_change(shop, ctx, books):
    part, steel, screw = shop.world.part, shop.world.steel, shop.world.screw
    release(shop, "bom", lines=[
        {"component": screw, "quantity": "1", "operation": 10},
        {"component": part, "quantity": "2", "scrap_percent": "10", "operation": 10},
        {"component": steel, "quantity": "1", "is_fixed": True, "operation": 10},
        {"component": screw, "quantity": "3", "operation": 20},
    ])  # fmt: skip
    used = [
        {"item": screw.pk, "quantity": "6"}, {"item": part.pk, "quantity": "9"},
        {"item": steel.pk, "quantity": "2", "lot": shop.steel_lot.pk},
    ]  # fmt: skip
    proposal = learnt(shop, ctx, "车削", "铣削", "检验", used=used, pieces=3)
    rows = {r.component_id: (r.released_quantity, r.quantity) for r in ProposalLine.objects.filter(part="bom")}
    assert rows == {
        screw.pk: (4, 2), part.pk: (D("2.2"), 3), steel.pk: (D("0.333333"), D("0.666667")),
    }  # fmt: skip
    accepted(ctx, proposal, {(name, None): {} for name in ("螺钉", "齿轮", "圆钢")})
    made = BomLine.objects.filter(bom=proposal.made_bom_id).order_by("position")
    assert list(made.values_list("component", "quantity", "is_fixed", "scrap_percent", "operation")) == [
        (screw.pk, D("0.5"), False, 0, 10), (part.pk, D("2.727273"), False, 10, 10), (steel.pk, 2, True, 0, 10),
        (screw.pk, D("1.5"), False, 0, 20),
    ]  # fmt: skip
    assert faults() == []


def test_what_is_not_used_goes_from_every_line(shop, ctx, books):
    part, screw = shop.world.part, shop.world.screw
    release(shop, "bom", lines=[
        {"component": screw, "quantity": "1"}, {"component": part, "quantity": "2"},
        {"component": screw, "quantity": "3"},
    ])  # fmt: skip
    proposal = learnt(shop, ctx, "车削", "铣削", "检验", used=[{"item": part.pk, "quantity": "8"}])
    accepted(ctx, proposal, {("螺钉", None): {}})
    made = BomLine.objects.filter(bom=proposal.made_bom_id)
    assert list(made.values_list("component", "quantity")) == [(part.pk, 2)]


def test_a_proposal_is_rejected_with_a_reason(shop, ctx, books, person):
    made = card(shop, ctx, part_name="夹具", operations=STEPS)
    proposal = worked(shop, ctx, made, 1, 5)
    for name in ("decide", "apply", "reject"):
        with pytest.raises(NotAllowed):
            execute(
                person(("production.*", "all")), command(f"proposals.proposal.{name}"), ids=[proposal.pk],
                data={"reason": "x"} if name == "reject" else None,
            )  # fmt: skip
    keys = ProposalLine.objects.filter(proposal=proposal).values_list("pk", flat=True)
    decide(ctx, proposal, [{"line": key, "decision": "rejected", "reason": "一次性"} for key in keys])
    with pytest.raises(NothingAccepted):
        execute(ctx, command("proposals.proposal.apply"), ids=[proposal.pk])
    execute(ctx, command("proposals.proposal.reject"), ids=[proposal.pk], data={"reason": "一次性工装"})
    proposal.refresh_from_db()
    assert (proposal.state, proposal.reason) == ("rejected", "一次性工装")
    assert faults() == []


PLANTED = {
    "proposals.costs": "UPDATE proposals_proposal SET actual_amount = actual_amount + 1",
    "proposals.decided": "UPDATE proposals_proposal SET state = 'rejected'",
}


@pytest.mark.parametrize("key", sorted(PLANTED))
@pytest.mark.plants("key")
def test_a_planted_fault_is_named(shop, ctx, books, key):
    proposal = worked(shop, ctx, card(shop, ctx, part_name="夹具", operations=STEPS), 1, 5)
    assert db.run(PLANTED[key])
    assert proposal.number in run([key])[0].found.faults[0].text
    assert WorkOrder.objects.get(pk=proposal.work_order_id).state == "closed"
