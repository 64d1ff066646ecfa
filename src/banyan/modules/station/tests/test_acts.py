"""What else a station tells and asks: data with limits, photos, shares, material, help, codes the day does not hold."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from banyan.kernel import files
from banyan.kernel.models import Attachment, RoleGrant, User
from banyan.lib.errors import Invalid
from banyan.lib.ids import new_id
from banyan.modules.equipment.models import Machine
from banyan.modules.exceptions.models import ShopException
from banyan.modules.inventory.models import Genealogy
from banyan.modules.production.models import Operation, Report, ReportFlag
from banyan.modules.station import badges
from banyan.modules.station.models import KeptAct
from banyan.web import codes
from tests.plugins.papers import boxes

pytestmark = pytest.mark.django_db
HEAT = {"name": "硬度", "name_en": "Hardness", "kind": "number", "unit": "HRC", "minimum": "58", "maximum": "62"}
LEAK = {"name": "渗漏", "kind": "choice", "choices": ["无", "有"], "is_required": False}
OUT = {"name": "出炉", "kind": "time", "is_required": False}


def picture(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "JPEG")
    return out.getvalue()


def send_photo(station, act: str, content: bytes, *, kind: str = "report", digest: str = "", ticket: str = ""):
    digest = digest or hashlib.sha256(content).hexdigest()
    return station.client.post(
        f"/station/api/photo?act={act}&kind={kind}&digest={digest}", content, content_type="image/jpeg",
        headers={"Authorization": f"Station {ticket or station.ticket}"},
    )  # fmt: skip


def get(station, path: str, **query: str):
    return station.client.get(f"/station/api/{path}", query, headers={"Authorization": f"Station {station.ticket}"})


@pytest.fixture
def calls(shop, station):
    """Give the categories of help, by code, to a worker who may call."""
    shop.world.do("exceptions.category.add_usual")
    role = RoleGrant.objects.first().role
    RoleGrant.objects.create(role=role, permission="exceptions.exception.*", reach="plant")
    return {one["code"]: one["id"] for one in station.day().json()["help"]}


# --- data to capture


@pytest.mark.parametrize(
    ("told", "flags"),
    [
        ({"硬度": "60"}, []),
        ({"硬度": "60", "渗漏": "有"}, []),
        ({"硬度": "63.5"}, ["limits"]),
        ({"硬度": "很硬 🔩"}, ["limits"]),
        ({"硬度": "NaN"}, ["limits"]),
        ({"硬度": "60", "渗漏": "也许"}, ["limits"]),
        ({}, ["missing"]),
        ({"渗漏": "无"}, ["missing"]),
        ({"硬度": "60", "出炉": "07:45"}, []),
        ({"硬度": "60", "出炉": "2026-03-02T07:45"}, []),
        ({"硬度": "60", "出炉": "25:10"}, ["limits"]),
        ({"硬度": "60", "出炉": "早上"}, ["limits"]),
    ],
)
def test_what_is_measured_is_held_against_its_limits_and_the_report_stands(station, first, told, flags):
    Operation.objects.filter(pk=first.pk).update(capture=[HEAT, LEAK, OUT])
    act = station.good(first.pk, 5, data=told)
    act["parts"].append({"id": str(new_id()), "kind": "scrap", "quantity": "1"})
    assert station.states(act) == ["flagged" if flags else "done"]
    first.refresh_from_db()
    assert (first.good_quantity, first.scrap_quantity) == (5, 1)
    assert list(ReportFlag.objects.values_list("kind", flat=True)) == flags
    assert Report.objects.get(pk=act["id"]).data == told


def test_a_routing_takes_only_data_that_can_be_asked(shop):
    def make(data):
        world = shop.world
        item = world.item(code=world.next_code("CAP"), name="件")
        step = {"sequence": 10, "name": "热处理", "work_centre": world.turning, "data": data}
        return world.make("engineering.routing", item=item, revision="A", operations=[step])

    made = make(["炉号", HEAT])
    assert [one["kind"] for one in made.operations.get().data] == ["text", "number"]
    odd = [{"name": "x", "of": 1}]
    for wrong in ([{"name": ""}], [{"kind": "number"}], [{"name": "x", "kind": "spell"}], "noise", odd):
        with pytest.raises(Invalid):
            make(wrong)


# --- the day


def test_a_task_tells_data_drawings_material_and_the_lot_it_makes(station, shop, first, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    Operation.objects.filter(pk=first.pk).update(capture=[HEAT, "炉号"])
    stored = files.store("drawing.png", [png()])
    shop.world.do("items.item.attach", shop.world.product, digest=stored.digest, name="FG-1.png")
    shop.world.do("production.work_order.issue", first.work_order)
    task = next(one for one in station.day().json()["tasks"] if one["id"] == str(first.pk))
    assert task["capture"] == [HEAT, {"name": "炉号", "kind": "text"}]
    steel = next(line for line in task["materials"] if line["tracking"] == "lot")
    assert [(lot["number"], lot["state"], lot["quantity"]) for lot in steel["lots"]] == [("HEAT-1", "released", "50")]
    assert (task["lot"], task["is_last"]) == (first.work_order.number, False)
    drawing = task["drawings"][0]
    assert (drawing["name"], drawing["type"], drawing["small"]) == ("FG-1.png", "image/png", True)
    whole, small = get(station, f"drawing/{drawing['id']}"), get(station, f"drawing/{drawing['id']}/small")
    assert (whole.content, whole["Content-Type"], small["Content-Type"]) == (png(), "image/png", "image/jpeg")
    assert station.client.get(f"/station/api/drawing/{drawing['id']}").status_code == 401
    assert get(station, f"drawing/{new_id()}").status_code == 404


def png() -> bytes:
    out = io.BytesIO()
    Image.new("L", (40, 30), 200).save(out, "PNG")
    return out.getvalue()


# --- photos


def test_a_photo_follows_its_report_and_hangs_on_it_once(station, shop, first, badge, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    act, content = station.good(first.pk, 5), picture()
    early = send_photo(station, act["id"], content)
    assert (early.status_code, early.json()["code"]) == (409, "station.not_arrived")
    assert station.states(act) == ["done"]
    assert [send_photo(station, act["id"], content).status_code for _ in range(2)] == [200, 200]
    assert send_photo(station, act["id"], picture("blue")).status_code == 200
    hung = Attachment.objects.filter(noun="production.report", record=act["id"])
    assert hung.count() == 2
    wrong = send_photo(station, act["id"], content, digest="0" * 64)
    assert wrong.json()["code"] == "station.wrong_photo"
    assert send_photo(station, act["id"], b"MZ no picture").status_code in (400, 415, 422)
    assert send_photo(station, "nonsense", content).status_code in (400, 422)
    assert send_photo(station, act["id"], content, kind="start").status_code in (400, 422)
    assert send_photo(station, act["id"], content, ticket="forged").status_code == 401
    assert hung.count() == 2


def test_a_photo_of_what_is_kept_waits_with_it_and_goes_along(station, shop, first, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    lost = station.good(new_id(), 4)
    assert station.states(lost) == ["kept"]
    assert send_photo(station, lost["id"], picture()).status_code == 200
    assert Attachment.objects.get().noun == "station.kept_act"
    shop.world.do("station.kept_act.book", KeptAct.objects.get(), operation=first.pk)
    assert (Attachment.objects.get().noun, str(Attachment.objects.get().record)) == ("production.report", lost["id"])


# --- shares and lots


def test_several_people_share_unequally(station, shop, first):
    two = (shop.world.worker, "2"), (shop.world.second_worker, "1")
    people = [{"employee": str(one.pk), "share": share} for one, share in two]
    assert station.states(station.good(first.pk, 9, people=people)) == ["done"]
    assert [D(one["quantity"]) for one in Report.objects.get().people] == [6, 3]
    half = [people[0], {"employee": people[1]["employee"]}]
    assert station.states(station.good(first.pk, 9, people=half)) == ["kept"]


def test_scanned_lots_go_into_the_finished_lot_and_its_label_prints(station, shop, first):
    shop.world.do("production.work_order.issue", first.work_order)
    lot = {"lot": str(shop.steel_lot.pk), "quantity": "2.5"}
    assert get(station, "label", operation=str(first.pk), lot="FG-7").status_code == 403
    RoleGrant.objects.create(role=RoleGrant.objects.first().role, permission="inventory.lot.read", reach="plant")
    assert get(station, "label", operation=str(first.pk), lot="FG-7").status_code == 404
    assert station.states(station.good(first.pk, 5, lots=[lot], output_lot="FG-7")) == ["done"]
    made = Report.objects.get().output_lot
    edge = Genealogy.objects.get(output_lot=made)
    assert (edge.input_lot, edge.quantity) == (shop.steel_lot, D("2.5"))
    label = get(station, "label", operation=str(first.pk), lot="FG-7")
    assert (label.status_code, label.content[:5]) == (200, b"%PDF-")
    assert boxes(label.content) == [(60, 40)]
    asked = {"operation": str(first.pk), "lot": "FG-7"}
    assert boxes(get(station, "label", **asked, size="a4-3x8").content) == [(210, 297)]
    assert get(station, "label", **asked, size="a4").json()["code"] == "print.size_unknown"


@pytest.mark.parametrize("by", ["number", "label"])
def test_material_is_known_by_number_and_by_label(station, shop, first, by):
    lot = shop.steel_lot
    text = lot.number if by == "number" else f"https://any.host{codes.make('inventory.lot', lot.pk)}"
    found = get(station, "material", code=text).json()
    assert (found["number"], found["item"], found["state"]) == ("HEAT-1", "RM-1", "released")
    assert get(station, "material", code="MP-1").json()["item"] == "MP-1"
    missing = get(station, "material", code="没有的 🔩")
    assert (missing.status_code, missing.json()["code"]) == (404, "station.material_unknown")


# --- machines


def test_the_leaders_machine_is_shown_and_what_is_reported_bears_it(station, shop, first):
    world = shop.world
    planned, given = (
        world.make("equipment.machine", code=code, name=code, work_centre=world.turning) for code in ("T-1", "T-2")
    )
    Operation.objects.filter(pk=first.pk).update(machine=planned)

    def shown() -> tuple[str, str]:
        task = next(one for one in station.day().json()["tasks"] if one["id"] == str(first.pk))
        return task["machine"], task["machine_code"]

    assert shown() == (str(planned.pk), "T-1")
    line = {"operation": first.pk, "employee": world.worker, "machine": given}
    world.do("production.work_order.assign", first.work_order, lines=[line])
    assert shown() == (str(given.pk), "T-2")
    assert station.states(station.good(first.pk, 5)) == ["done"]
    assert Report.objects.get().machine == given


def machines_of(world, *codes, **more):
    return [world.make("equipment.machine", code=one, name=one, work_centre=world.turning, **more) for one in codes]


def task_of(station, operation):
    return next(one for one in station.day().json()["tasks"] if one["id"] == str(operation.pk))


def test_where_a_work_centre_has_several_machines_the_worker_says_which(station, shop, first):
    one, other = machines_of(shop.world, "T-1", "T-2")
    shop.world.make("equipment.machine", code="F-1", name="F-1", work_centre=shop.world.milling)
    assert task_of(station, first)["machines"] == [
        {"id": str(one.pk), "code": "T-1"}, {"id": str(other.pk), "code": "T-2"},
    ]  # fmt: skip
    assert "machines" not in task_of(station, shop.operation(first.work_order, 20))
    assert station.states(station.good(first.pk, 5, machine=str(other.pk))) == ["done"]
    assert Report.objects.get().machine == other


def test_a_station_at_a_machine_proposes_it_before_the_leaders_choice(station, shop, first):
    world = shop.world
    one, other = machines_of(world, "T-1", "T-2")
    line = {"operation": first.pk, "employee": world.worker, "machine": one}
    world.do("production.work_order.assign", first.work_order, lines=[line])
    assert task_of(station, first)["machine_code"] == "T-1"
    world.change(station.device, machine=other)
    assert task_of(station, first)["machine_code"] == "T-2"
    mill = world.make("equipment.machine", code="F-1", name="F-1", work_centre=world.milling)
    world.change(station.device, machine=mill)
    assert task_of(station, first)["machine_code"] == "T-1"  # this is not milled
    with pytest.raises(Invalid):
        world.change(station.device, work_centre=world.turning)


def test_work_on_another_or_a_stopped_machine_is_booked_and_flagged(station, shop, first):
    world = shop.world
    right, down = machines_of(world, "T-1", "T-2")
    strange = world.make("equipment.machine", code="F-1", name="F-1", work_centre=world.milling)
    world.do("equipment.machine.stop", down, reason="主轴")
    Machine.objects.filter(pk=down.pk).update(state_since=timezone.now() - timedelta(minutes=5))
    before = station.good(first.pk, 7, machine=str(down.pk))  # half an hour ago, when it ran
    assert station.states(before) == ["done"]
    sent = {
        machine: station.good(first.pk, n, machine=str(machine), at=timezone.now() - timedelta(seconds=5 - n))
        for n, machine in enumerate((right.pk, strange.pk, new_id()), start=1)
    }  # fmt: skip
    assert station.states(*sent.values()) == ["done", "flagged", "flagged"]
    assert station.states(station.good(first.pk, 9, machine=str(down.pk), at=timezone.now())) == ["flagged"]
    assert set(ReportFlag.objects.values_list("kind", flat=True)) == {"machine"}
    kept = {int(quantity): machine for quantity, machine in Report.objects.values_list("quantity", "machine")}
    assert kept == {7: down.pk, 1: right.pk, 2: strange.pk, 3: None, 9: down.pk}


# --- codes


def test_a_code_the_day_does_not_hold_is_looked_up(station, shop, first):
    order = first.work_order
    ways = (("production.operation", first.pk), ("production.work_order", order.pk))
    for text in (order.number, *(codes.make(*way) for way in ways)):
        assert get(station, "find", code=text).json()["task"]["id"] == str(first.pk), text
    odd = (("production.operation", new_id()), ("inventory.lot", first.pk))
    for text in ("WO0000-00000", "", "%", *(codes.make(*way) for way in odd)):
        assert get(station, "find", code=text).status_code == 404, text
    shop.through(order, 100)
    done = [one["id"] for one in station.day().json()["tasks"]]
    assert str(first.pk) not in done
    also = get(station, "day", also=f"{first.pk},{new_id()}").json()["tasks"]
    assert str(first.pk) in [one["id"] for one in also]
    assert get(station, "day", also="x").status_code == 404


# --- help


def test_help_called_offline_is_raised_once_and_stops_the_operation(station, shop, first, calls):
    at = timezone.now() - timedelta(hours=2)
    call = {"id": str(new_id()), "seq": 1, "kind": "help", "at": at.isoformat(), "said": "安灯：质量",
            "category": calls["QUALITY"], "operation": str(first.pk), "problem": "内孔超差"}  # fmt: skip
    assert station.states(call, call) == ["done", "done"]
    assert station.states(call, clock=timezone.now() + timedelta(minutes=7)) == ["done"]
    case = ShopException.objects.get()
    assert (str(case.pk), case.problem, case.operation_id) == (call["id"], "内孔超差", first.pk)
    assert abs(case.device_at - at) < timedelta(seconds=5)
    first.refresh_from_db()
    assert first.is_stopped
    assert station.states(station.good(first.pk, 5)) == ["flagged"]


def test_a_photo_of_a_call_follows_it_and_is_shown_at_the_exception(station, first, calls, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    call = {"id": str(new_id()), "seq": 1, "kind": "help", "at": timezone.now().isoformat(), "said": "安灯：质量",
            "category": calls["QUALITY"], "operation": str(first.pk), "problem": "内孔超差"}  # fmt: skip
    content = picture()
    assert send_photo(station, call["id"], content, kind="help").json()["code"] == "station.not_arrived"
    assert station.states(call) == ["done"]
    assert [send_photo(station, call["id"], content, kind="help").status_code for _ in range(2)] == [200, 200]
    hung = Attachment.objects.get(noun="exceptions.exception", record=call["id"])
    assert files.content(hung.file_id).read_bytes() == content
    reader = Client(HTTP_HOST="localhost")
    reader.force_login(User.objects.get(login="zhao"), backend="django.contrib.auth.backends.ModelBackend")
    place = f"/exceptions/exceptions/{call['id']}"
    assert f'hx-get="{place}/files"' in reader.get(place).content.decode()
    shown = re.findall(rf'<img src="(/files/{hung.pk}[^"]*)"', reader.get(f"{place}/files").content.decode())
    assert [reader.get(path).status_code for path in shown] == [200]


def test_a_stopped_operation_is_not_begun_and_it_is_said_why_and_by_whom(station, shop, first, calls):
    call = {"id": str(new_id()), "seq": 1, "kind": "help", "at": timezone.now().isoformat(), "said": "安灯：质量",
            "category": calls["QUALITY"], "operation": str(first.pk), "problem": "内孔超差"}  # fmt: skip
    assert station.states(call) == ["done"]
    number = ShopException.objects.get().number
    (task,) = [one for one in station.day().json()["tasks"] if one["id"] == str(first.pk)]
    for part in (number, "内孔超差", "赵师傅提出"):
        assert part in task["why_stopped"]
    start = station.act("start", first.pk, ("start", 0), at=timezone.now() - timedelta(seconds=2))
    for _ in range(2):
        (answer,) = station.sync(start).json()["acts"]
        assert answer["state"] == "refused"
        for part in (number, "内孔超差", "赵师傅提出"):
            assert part in answer["text"]
    first.refresh_from_db()
    assert first.started == 0
    # what has happened is booked: a start of an hour ago, and pieces whenever they come
    begun = station.act("start", first.pk, ("start", 0), at=timezone.now() - timedelta(hours=1))
    made = station.good(first.pk, 5, at=timezone.now())
    assert station.states(begun, made) == ["flagged", "flagged"]
    first.refresh_from_db()
    assert (first.started, first.good_quantity) == (1, 5)
    shop.world.do("exceptions.exception.take", ShopException.objects.get())
    shop.world.do("exceptions.exception.contain", ShopException.objects.get(), countermeasure="全检")
    assert "why_stopped" not in [one for one in station.day().json()["tasks"] if one["id"] == str(first.pk)][0]
    again = station.act("start", first.pk, ("start", 0), at=timezone.now())
    assert station.states(again) == ["done"]


def test_the_defect_reason_of_a_call_decides_whose_it_is(station, shop, first, calls):
    reason = shop.world.make("production.defect_reason", code="D7", name="划伤", kind="both")
    team = shop.world.make("people.team", code="T-QA", name="质量组", plant=shop.world.plant)
    shop.world.make("exceptions.route", defect_reason=reason, team=team)
    call = {"kind": "help", "at": timezone.now().isoformat(), "category": calls["QUALITY"], "operation": str(first.pk)}
    with_reason = {**call, "id": str(new_id()), "seq": 1, "defect_reason": str(reason.pk)}
    without = {**call, "id": str(new_id()), "seq": 2}
    assert station.states(with_reason, without) == ["done", "done"]
    found = {str(one.pk): (one.team_id, one.defect_reason_id) for one in ShopException.objects.all()}
    assert found[with_reason["id"]] == (team.pk, reason.pk)
    assert found[without["id"]][0] != team.pk


def test_help_nowhere_goes_to_the_plant_and_a_wrong_call_is_kept(station, shop, first, calls):
    def call(**more):
        return {"id": str(new_id()), "seq": 1, "kind": "help", "at": timezone.now().isoformat(), **more}

    assert station.states(call(category=calls["SAFETY"])) == ["done"]
    assert ShopException.objects.get().plant_id == shop.world.plant.pk
    wrong = call(category=str(new_id()), operation=str(first.pk), said="安灯")
    silly = call(category=["x"], operation={"a": 1})
    assert station.states(wrong, silly) == ["kept", "kept"]
    kept = KeptAct.objects.get(pk=wrong["id"])
    assert (kept.kind, kept.said) == ("help", "安灯")
    kept.body["category"] = calls["OTHER"]
    kept.save()
    shop.world.do("station.kept_act.book", kept)
    assert ShopException.objects.filter(pk=wrong["id"]).exists()
    assert station.states(wrong) == ["done"]


def test_an_unknown_kind_is_kept_and_stops_nothing(station, first):
    odd = {"id": str(new_id()), "seq": 1, "kind": "dance", "at": timezone.now().isoformat()}
    assert station.states(odd, station.good(first.pk, 2)) == ["kept", "done"]


def test_a_link_lets_in_whose_ticket_counts(station, badge):
    answer = get(station, "me")
    assert answer.json()["person"]["name"] == "赵师傅"
    gone = station.client.get("/station/api/me", headers={"Authorization": "Station forged"})
    assert gone.status_code == 401
    assert badges.opened(answer.json()["ticket"]) is not None


def test_the_time_of_an_act_is_the_same_however_often_and_late_it_is_sent(station, first):
    behind = timedelta(hours=3)
    acts = [station.good(first.pk, n + 1, at=timezone.now() - behind) for n in range(4)]
    station.sync(*acts[:2], clock=timezone.now() - behind)
    before = dict(Report.objects.values_list("id", "device_at"))
    station.sync(*acts, clock=timezone.now() - behind - timedelta(seconds=40))  # measured otherwise on a slow way
    after = dict(Report.objects.values_list("id", "device_at"))
    assert {key: after[key] for key in before} == before
    order = [int(q) for q in Report.objects.order_by("device_at").values_list("quantity", flat=True)]
    assert order == [1, 2, 3, 4]
