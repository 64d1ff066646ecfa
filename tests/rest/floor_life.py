"""The rest of a factory's life over REST: what a shop floor does while orders run, and when something goes wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from banyan.kernel.commands import execute
from banyan.kernel.dispatcher import Delivered
from banyan.kernel.models import Outbox
from banyan.kernel.registry import command
from banyan.lib.ids import new_id
from banyan.modules.production.reactions import report_outside_work
from banyan.modules.purchasing.events import GoodsReceived
from banyan.modules.station import badges
from banyan.modules.station.models import Badge
from tests.rest.life import TODAY, receive
from tests.rest.travels import Traveller


def running(t: Traveller, world: Any, quantity: str = "10") -> dict[str, Any]:
    """Give a released order of the product, as it is read."""
    order = t.make(
        "production.work_order",
        item=str(world.product.pk),
        quantity=quantity,
        plant=str(world.plant.pk),
        due_on=str(TODAY + timedelta(days=7)),
    )
    t.post("production.work_order.release", order, check_kit=False)
    return read(t, order)


def read(t: Traveller, order: str) -> dict[str, Any]:
    return t.send("production.work_order.read", "GET", f"production/work_orders/{order}")


def told(t: Traveller, world: Any, operation: str, quantity: str, **more: str) -> str:
    """Report good pieces; give the report."""
    report = {
        "id": str(new_id()),
        "operation": operation,
        "kind": "good",
        "quantity": quantity,
        "people": [{"employee": str(world.second_worker.pk)}],
        **more,
    }
    t.post("production.work_order.report", reports=[report])
    return report["id"]


def made_by(answer: dict[str, Any]) -> str:
    """Give the record that a command has made."""
    made = answer["result"]
    return (made[0] if isinstance(made, list) else made)["id"]


def leading(t: Traveller, world: Any) -> None:
    """Work dispatched and put in order, reports approved and put right."""
    receive(t, str(world.plant.pk), world.part, 500, "5000")
    receive(t, str(world.plant.pk), world.screw, 900, "90")
    worker = str(world.second_worker.pk)
    order = running(t, world)
    turn = order["operations"][0]["id"]
    given = t.post("production.work_order.dispatch", lines=[{"operation": turn, "hands": [{"employee": worker}]}])
    t.post("production.assignment.arrange", employee=worker, assignments=[made_by(given)])
    t.post("production.work_order.prioritise", order["id"], priority="urgent")
    right, wrong = (told(t, world, turn, quantity, output_lot="FG-5") for quantity in ("2", "5"))
    t.post("production.report.approve", reports=[right])
    t.post("production.report.correct", report=wrong, quantity="3", reason="点错")
    undone = made_by(t.post("production.report.undo", id=str(new_id()), report=told(t, world, turn, "2")))
    t.post("production.report.book_again", report=undone, reason="误点撤销")


def deviating(t: Traveller, world: Any) -> None:
    """Orders changed while they are at work."""
    order = running(t, world)
    turn, mill = (one["id"] for one in order["operations"])
    t.post("production.work_order.move_operation", order["id"], operation=turn, after=[20], reason="铣床空闲")
    screw = next(one["id"] for one in order["materials"] if one["item"] == str(world.screw.pk))
    other = str(world.item(kind="bought").pk)
    t.post("production.work_order.substitute_material", order["id"], material=screw, item=other, reason="缺料")
    t.post("production.work_order.change_quantity", order["id"], quantity="8", reason="客户改单")
    t.post("production.work_order.split", order["id"], quantity="3", reason="单独成批")
    reworking(t, world, running(t, world))
    outside(t, world, running(t, world))
    revision = t.first("engineering.bom", f"item={world.product.pk}&state=draft")["id"]
    late = running(t, world)
    t.post("engineering.bom.release", revision, effective_from=str(TODAY))
    t.post("production.work_order.change_revision", late["id"], consent="production.revision_differs", reason="新版本")


def reworking(t: Traveller, world: Any, order: dict[str, Any]) -> None:
    made = t.post(
        "production.work_order.rework",
        order["id"],
        operation=order["operations"][0]["id"],
        quantity="1",
        reason="尺寸超差",
    )
    rework = read(t, made_by(made))
    told(t, world, rework["operations"][0]["id"], "1", output_lot="FG-5")
    t.post("production.work_order.return_rework", rework["id"])


def outside(t: Traveller, world: Any, order: dict[str, Any]) -> None:
    """An operation done by a subcontractor; what comes back reports it."""
    supplier, service = str(world.supplier.pk), str(world.item(kind="service").pk)
    t.make(
        "inventory.location",
        code="SUB-1",
        name="热处理厂内",
        kind="subcontractor",
        plant=str(world.plant.pk),
        party=supplier,
    )
    bought = t.post(
        "production.work_order.subcontract",
        order["id"],
        operation=order["operations"][0]["id"],
        supplier=supplier,
        service=service,
        price="2.5",
        send_material=False,
        reason="设备停机",
    )
    purchase = made_by(bought)
    t.post("purchasing.order.order", purchase)
    t.post("purchasing.order.receive", purchase, book_at_once=True)
    for event in Outbox.objects.filter(type=GoodsReceived.type).order_by("seq"):  # as the dispatcher delivers them
        facts = (event.pk, event.seq, event.at, event.type, event.event_version, event.noun, event.record, event.number)
        report_outside_work(world.ctx.with_(now=timezone.now()), Delivered(*facts, event.payload, event.person))


def cards(t: Traveller, world: Any) -> None:
    """Temporary cards, and what engineering makes of their proposals."""
    for name in ("支架", "夹具"):
        made = t.post(
            "production.work_order.make_card",
            part_name=name,
            quantity="2",
            operations=[{"name": "车削", "work_centre": str(world.turning.pk)}],
            people=[str(world.second_worker.pk)],
            plant=str(world.plant.pk),
        )
        card = made_by(made)
        used = [{"item": str(world.part.pk), "quantity": "4"}]
        t.post("production.work_order.use_material", card, lines=used)
        told(t, world, read(t, card)["operations"][0]["id"], "2", minutes="30")
        t.post("production.work_order.finish_card", card)
        proposal = t.first("proposals.proposal", f"work_order={card}")["id"]
        lines = t.send("proposals.proposal.read", "GET", f"proposals/proposals/{proposal}")["lines"]
        if name == "夹具":
            t.post("proposals.proposal.reject", proposal, reason="只做一次")
            continue
        taken = [{"line": line["id"], "decision": "accepted"} for line in lines]
        t.post("proposals.proposal.decide", proposal, lines=taken)
        t.post("proposals.proposal.apply", proposal)


def borrowing(t: Traveller, world: Any) -> None:
    """Material of one order used by another: given back out of what is free, and written off."""
    lender, borrower = (running(t, world)["id"] for _ in range(2))
    for step in ("settle", "waive"):
        made = t.post(
            "handheld.borrow.borrow",
            lender=lender,
            borrower=borrower,
            item=str(world.part.pk),
            quantity="2",
        )
        t.post(f"handheld.borrow.{step}", made_by(made), **({"reason": "不再需要"} if step == "waive" else {}))


def calling(t: Traveller, world: Any) -> None:
    """Help called for: to the end, once more, and by mistake; one that nobody answers is escalated."""
    t.post("exceptions.category.add_usual")
    category = t.first("exceptions.category", "q=MATERIAL")["id"]
    cause = t.first("exceptions.cause", "q=MACHINE")["id"]
    operation = running(t, world)["operations"][0]["id"]
    unheard = {"id": new_id(), "category": category, "plant": world.plant.pk}
    execute(world.ctx, command("exceptions.exception.raise"), data=unheard)  # long ago, which no request can be
    t.post("exceptions.exception.escalate")
    case, mistaken = (
        made_by(t.post("exceptions.exception.raise", id=str(new_id()), category=category, operation=operation))
        for _ in range(2)
    )
    t.post("exceptions.exception.assign", case, team=str(world.team.pk))
    t.post("exceptions.exception.grade", case, severity="severe")
    t.post("exceptions.exception.take", case)
    t.post("exceptions.exception.contain", case, countermeasure="换一台设备")
    t.post("exceptions.exception.resolve", case, cause=cause, root_cause="刀具磨损")
    t.post("exceptions.exception.close", case, prevention="按寿命换刀")
    t.post("exceptions.exception.reopen", case, reason="又来了")
    t.post("exceptions.exception.cancel", mistaken, reason="误报")


def signing_in(t: Traveller, world: Any) -> None:
    """A badge, a paired device, and what it sends that cannot be booked."""
    worker = world.second_worker.pk
    role = t.make("kernel.role", code="floor", name_zh="工人", name_en="Worker", grants=[
        {"permission": "production.*", "reach": "plant"},
    ])  # fmt: skip
    user = t.make("kernel.user", login="qian", name="钱师傅", plants=[str(world.plant.pk)], roles=[{"role": role}])
    row = t.send("people.employee.read", "GET", f"people/employees/{worker}")
    t.send(
        "people.employee.change",
        "PATCH",
        f"people/employees/{worker}",
        {"user": user},
        If_Match=f'"v{row["version"]}"',
    )
    badge = t.make("station.badge", employee=str(worker))
    for step in ("new_pin", "unlock", "replace"):
        t.post(f"station.badge.{step}", badge)
    device = t.make("station.device", code="ST-1", name="车削一号", plant=str(world.plant.pk))
    code = t.post("station.device.pair", device)["result"]["en"].split("enter ")[1].split()[0]
    turn = running(t, world)["operations"][0]["id"]
    book, dismiss = kept_acts(badge, code)
    t.post("station.kept_act.book", book, operation=turn)
    t.post("station.kept_act.dismiss", dismiss, answer="重复")


def kept_acts(badge: str, code: str) -> tuple[str, str]:
    """Send two reports of an operation that does not exist, as a device does; give what is kept of them."""
    client = Client()

    def send(path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        answer = client.post(
            f"/station/api/{path}", json.dumps(body), content_type="application/json", headers=headers
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    token = send("pair", {"code": code})["token"]
    proof = {"badge": badges.badge_code(Badge.objects.get(pk=badge).pk, Badge.objects.get(pk=badge).serial)}
    ticket = send("sign-in", proof, **{"Station-Device": token})["ticket"]
    at, lost = timezone.now(), str(new_id())
    acts = []
    for seq in (1, 2):
        key = str(new_id())
        part = {"id": key, "kind": "good", "quantity": "1"}
        acts.append(
            {
                "id": key,
                "seq": seq,
                "kind": "report",
                "at": (at - timedelta(minutes=9)).isoformat(),
                "operation": lost,
                "parts": [part],
            }
        )
    sent = {"device": str(new_id()), "sent_at": at.isoformat(), "acts": acts}
    answered = send("sync", sent, Authorization=f"Station {ticket}")["acts"]
    assert [one["state"] for one in answered] == ["kept", "kept"]
    return acts[0]["id"], acts[1]["id"]


def recalling(t: Traveller, world: Any) -> None:
    """A lot that was shipped is held, its customer told, and the lot let go again."""
    lot = t.first("inventory.lot", "q=FG-LOT")["id"]
    recall = made_by(t.post("trace.recall.begin", lot=lot, reason="客户投诉"))
    t.post("trace.recall.again", recall)
    for one in t.send("trace.recall.read", "GET", f"trace/recalls/{recall}")["customers"]:
        t.post("trace.recall.tell", recall, party=one["party"])
    t.post("trace.recall.release", recall, reason="复检合格")
    t.post("trace.recall.close", recall, conclusion="误报")


def linking(t: Traveller, world: Any) -> None:
    """Outside codes linked by hand and by rules, doubts decided in each way, records merged, links checked."""
    entity = "parties.party"
    pairs = [[world.party(name=name).pk for _ in range(2)] for name in ("甲联", "乙联", "丙联", "丁联")]
    one = made_by(t.post("mapping.key_link.link", system="shop", entity=entity, code="1", record=str(pairs[3][0])))
    t.post("mapping.key_link.unlink", one, reason="对错了")
    waiting = t.make("mapping.key_link", system="shop", entity=entity, code="2", record=str(pairs[3][0]))
    t.post("mapping.key_link.confirm", waiting)
    t.make("mapping.match_rule", entity=entity, fact="name", field="name", compare="folded")
    things = [{"code": f"T{n}", "name": name} for n, name in enumerate(("甲联", "乙联", "丙联"))]
    t.post("mapping.key_link.match", system="shop", entity=entity, things=things)
    first, second, third = (t.first("mapping.duplicate", f"code=T{n}")["id"] for n in range(3))
    t.post("mapping.duplicate.decide", first, record=str(pairs[0][0]))
    t.post("mapping.duplicate.merge", second, winner=str(pairs[1][0]), reason="同一家")
    t.post("mapping.duplicate.dismiss", third, reason="新客户")
    t.post("mapping.merge.make", entity=entity, winner=str(pairs[3][0]), losers=[str(pairs[3][1])], reason="同一家")
    t.post("mapping.finding.check")


FLOOR = (leading, deviating, cards, borrowing, calling, signing_in, recalling, linking)
