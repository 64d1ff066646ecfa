"""An order over three systems: the warehouse reserves, the carrier books, the books are told; the carrier refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from banyan.integration.engine import carry_until_quiet
from banyan.integration.saga.models import Run, RunStep
from banyan.integration.saga.tests.standing import Outside
from banyan.kernel import dispatcher, proofs, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import Audit, Comment, InboxItem, Role, RoleGrant, User, UserRole
from banyan.modules.channels.tests.conftest import Stall
from tests.plugins.world import World

PROOFS = ("saga.settled", "saga.moving", "integration.once", "integration.carried", "integration.claims")
HOSTS = ["127.0.0.1:*"]


def mapped(**fields: str):
    return {"fields": [{"target": target, "source": source, "required": True} for target, source in fields.items()]}


@pytest.fixture
def partners():
    """Give a warehouse, a carrier and a finance system, each a server of its own, behind the REST connector."""
    made = {name: Outside(header="Idempotency-Key") for name in ("wms", "carrier", "finance")}
    for one in made.values():
        one.up()
    yield made
    for one in made.values():
        one.down()


class Factory:
    """Our side: orders, the saga they start, and who is asked."""

    def __init__(self, ctx, partners):
        self.ctx, self.world, self.partners = ctx, World(ctx), partners
        self.stall = Stall(self.world)
        self.clerk = User.objects.create(login="logistics", name="物流主管")
        role = Role.objects.create(code="logistics-lead", name_zh="物流主管", name_en="Logistics lead")
        UserRole.objects.create(user=self.clerk, role=role)
        program = User.objects.create(login="wms-program", name="仓库接口", is_program=True)
        acts = Role.objects.create(code="wms-acts", name_zh="仓库接口", name_en="Warehouse program")
        RoleGrant.objects.bulk_create(
            RoleGrant(role=acts, permission=one) for one in ("sales.order.read", "sales.order.comment")
        )
        UserRole.objects.create(user=program, role=acts)
        systems = {name: self.system(name, port.port, str(program.pk)) for name, port in partners.items()}
        self.saga = self.do("saga.saga.create", records=[dict(
            code="SHIP", name="订单发运", trigger="event", events=["sales.order_confirmed"],
            filter='data.priority = "normal"', role=str(role.pk), retries=[60] * 5, steps=[
                dict(name="reserve", title="仓库预留", system=systems["wms"], target="reserve",
                     mapping=mapped(order="subject", **{"lines[].quantity": "data.lines[].quantity"}),
                     undo_kind="operation", undo_target="release",
                     undo_mapping=mapped(reservation="steps.reserve.answer.id")),
                dict(name="note", title="登记预留号", system=systems["wms"], kind="command",
                     target="sales.order.comment",
                     mapping=mapped(records_of="run.record", text="steps.reserve.answer.id")),
                dict(name="waybill", title="承运商运单", system=systems["carrier"], target="book",
                     mapping=mapped(order="subject", reservation="steps.reserve.answer.id"),
                     undo_kind="operation", undo_target="cancel", undo_mapping=mapped(order="subject"),
                     is_point_of_no_return=True),
                dict(name="finance", title="通知财务", system=systems["finance"], target="tell",
                     mapping=mapped(order="subject", amount="data.gross_amount", waybill="steps.waybill.answer.id")),
            ])]).ids[0]  # fmt: skip
        self.do("saga.saga.activate", self.saga)

    def system(self, name, port, account):
        operations = [dict(key=one, path=f"/{one}") for one in ("reserve", "release", "book", "cancel", "tell")]
        key = self.do("integration.system.create", records=[dict(
            code=name.upper(), name=name, connector="rest", account=account, hosts=HOSTS, timeout_seconds=3,
            settings=dict(address=f"http://127.0.0.1:{port}", operations=operations),
        )]).ids[0]  # fmt: skip
        self.do("integration.system.activate", key)
        return str(key)

    def do(self, key, *ids, **data):
        return execute(self.ctx, registry.command(key), ids=ids, data=data or None)

    def confirmed(self):
        """Give an order that has just been confirmed."""
        order = self.world.make("sales.order", party=self.world.customer, plant=self.world.plant,
                                lines=[{"item": self.world.part, "quantity": "3", "price": "10"}])  # fmt: skip
        self.world.do("sales.order.confirm", order)
        order.refresh_from_db()
        return order

    def carry(self, minutes=1):
        dispatcher.wait_until_quiet()
        carry_until_quiet(datetime.now(UTC) + timedelta(minutes=minutes))


@pytest.fixture
def factory(live_db, ctx, partners):
    yield Factory(ctx, partners)
    assert [v.found.faults for v in proofs.run(PROOFS) if not v.is_green] == []


def states(run):
    return [Run.objects.get(pk=run.pk).state, *RunStep.objects.filter(run=run).order_by("position")
            .values_list("state", flat=True)]  # fmt: skip


def test_a_confirmed_order_goes_through_all_three_systems(factory, partners):
    order = factory.confirmed()
    factory.carry()
    run = Run.objects.get()
    assert states(run) == ["done", "done", "done", "done", "done"]
    assert (run.origin_noun, run.origin, run.key) == ("sales.order", order.pk, order.number)
    assert partners["wms"].got[0][2] == {"order": order.number, "lines": [{"quantity": "3"}]}
    assert Comment.objects.get(record=order.pk).text == "reserve-1"
    assert partners["finance"].got[0][2]["waybill"] == "book-1"
    assert partners["finance"].got[0][2]["order"] == order.number


def test_the_carrier_refuses_and_the_warehouse_gets_its_goods_back(factory, partners):
    partners["carrier"].says["book"] = [422]
    factory.confirmed()
    factory.carry()
    run = Run.objects.get()
    assert states(run) == ["undone", "undone", "kept", "failed", "pending"]
    assert partners["wms"].done == ["reserve", "release"]
    assert partners["wms"].got[-1][2] == {"reservation": "reserve-1"}
    assert partners["carrier"].done == partners["finance"].done == []
    assert "承运商运单" in run.error
    assert not InboxItem.objects.exists()


def test_the_warehouse_does_not_take_them_back_so_somebody_decides(factory, partners, ctx):
    partners["carrier"].says["book"] = [422]
    partners["wms"].says["release"] = [409] * 6
    factory.confirmed()
    for minutes in range(1, 15, 2):
        factory.carry(minutes)
    run = Run.objects.get()
    assert states(run) == ["needs_person", "undoing", "kept", "failed", "pending"]
    assert partners["wms"].asked.count("release") == 6
    item = InboxItem.objects.get(person=factory.clerk, done_at=None)
    assert "仓库预留" in item.text_zh
    assert "409" in item.text_zh
    factory.do("saga.run.skip", run.pk, reason="仓库已电话释放")
    factory.carry(16)
    assert states(run) == ["undone", "kept", "kept", "failed", "pending"]
    assert Audit.objects.get(command="saga.run.skip").input == {"reason": "仓库已电话释放"}
    assert not InboxItem.objects.filter(done_at=None).exists()


def test_the_books_are_shut_after_the_waybill_and_told_when_they_open(factory, partners):
    partners["finance"].down()
    factory.confirmed()
    factory.carry()
    run = Run.objects.get()
    assert states(run) == ["running", "done", "done", "done", "doing"]
    partners["finance"].up()
    for minutes in (3, 5):
        factory.carry(minutes)
    assert states(run) == ["done", "done", "done", "done", "done"]
    assert partners["carrier"].asked == ["book"]
