"""What a station sends arrives once, in order, whatever became of the network, the clock or the order meanwhile."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from django.db import OperationalError
from django.db.models import F
from django.utils import timezone

from banyan.kernel import prints, reading, registry, sessions
from banyan.kernel.commands import Contended, execute
from banyan.kernel.models import Session, User
from banyan.kernel.proofs import run
from banyan.lib.ids import new_id
from banyan.modules.inventory.models import Lot
from banyan.modules.production.models import Report, ReportFlag
from banyan.modules.station import badges, signing
from banyan.modules.station.models import Device, KeptAct
from banyan.modules.station.tests.conftest import Station
from banyan.web import codes
from banyan.web.printing.documents import Paper
from banyan.web.printing.labels import Labeller

pytestmark = pytest.mark.django_db


def counts(operation) -> D:
    operation.refresh_from_db()
    return operation.good_quantity


def test_what_is_sent_again_counts_once_and_is_answered_alike(station, first):
    acts = [station.act("start", first.pk, ("start", 0)), station.good(first.pk, 5), station.good(first.pk, 7)]
    before = station.sync(*acts).json()["acts"]
    again = station.sync(*reversed(acts)).json()["acts"]
    assert [one["state"] for one in before] == ["done"] * 3
    assert again == before
    assert counts(first) == 12
    assert Report.objects.count() == 3


def test_acts_are_booked_in_their_order_however_they_come(station, first):
    acts = [station.good(first.pk, n) for n in range(1, 9)]
    mixed = acts[:]
    random.Random(7).shuffle(mixed)
    answers = station.sync(*mixed).json()["acts"]
    assert [one["id"] for one in answers] == [act["id"] for act in acts]
    booked = Report.objects.order_by("device_at").values_list("quantity", flat=True)
    assert [int(q) for q in booked] == list(range(1, 9))


@pytest.mark.parametrize("fault", [OperationalError("terminating connection"), Contended(command="报工")])
def test_a_batch_cut_off_half_way_goes_on_where_it_was(station, first, monkeypatch, fault):
    from banyan.modules.station import sync as module

    acts = [station.good(first.pk, 1) for _ in range(6)]
    real, calls = module.report_work, []

    def dies(ctx, data):
        calls.append(data)
        if len(calls) == 4:
            raise fault
        return real(ctx, data)

    monkeypatch.setattr(module, "report_work", dies)
    station.client.raise_request_exception = False
    assert station.sync(*acts).status_code >= 500
    assert (Report.objects.count(), KeptAct.objects.count()) == (3, 0)
    monkeypatch.setattr(module, "report_work", real)
    assert station.states(*acts) == ["done"] * 6
    assert counts(first) == 6


def test_two_devices_that_send_one_key_book_it_once(station, first, badge):
    other = Station(station.shop)
    other.enter(badge=badges.badge_code(badge.pk, badge.serial))
    act = station.good(first.pk, 5)
    assert station.states(act) == other.states(act, clock=timezone.now() + timedelta(minutes=9)) == ["done"]
    assert counts(first) == 5
    changed = act | {"parts": [act["parts"][0] | {"quantity": "50"}]}
    assert other.states(changed) == ["refused"]
    assert counts(first) == 5


@pytest.mark.parametrize("behind", [timedelta(hours=3), -timedelta(days=2), timedelta(days=200)])
def test_a_wrong_clock_is_set_right_and_both_times_are_kept(station, first, behind):
    real = timezone.now() - timedelta(minutes=20)
    act = station.good(first.pk, 5, at=real - behind)
    answer = station.sync(act, clock=timezone.now() - behind).json()
    assert abs(answer["offset"] - behind.total_seconds()) < 5
    row = Report.objects.get()
    assert abs(row.device_at - real) < timedelta(seconds=5)
    assert row.clock_at == real - behind
    station.device.refresh_from_db()
    assert abs(station.device.clock_offset - behind.total_seconds()) < 5


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(days=3), -timedelta(hours=7)])
def test_a_report_of_yesterday_counts_for_yesterday_whatever_its_clock_said(station, first, behind):
    now, zone = timezone.now(), ZoneInfo("Asia/Shanghai")
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    before, after = midnight - timedelta(minutes=5), min(midnight + timedelta(minutes=5), now - timedelta(minutes=1))
    acts = [station.good(first.pk, n, at=at - behind) for n, at in ((3, before), (4, after))]
    answer = station.sync(*acts, clock=timezone.now() - behind).json()
    assert answer["today"]["good"] == "4"
    days = dict(Report.objects.values_list("quantity", "day"))
    assert days == {D(3): before.date(), D(4): after.date()}


def test_at_night_today_is_the_shift_that_began_yesterday(station, shop, first):
    """The shift is made so that it began this time yesterday, and ends in six hours."""
    here = timezone.now().astimezone(ZoneInfo("Asia/Shanghai"))
    begin, end = here + timedelta(hours=1), here + timedelta(minutes=30)
    if begin.date() > here.date():
        pytest.skip("no hour is left of this day")
    night = shop.world.make(
        "people.shift", code="N", name="夜班", starts_at=f"{begin:%H:%M}", ends_at=f"{end:%H:%M}"
    )
    shop.world.change(shop.world.worker, shift=night)
    answer = station.sync(station.good(first.pk, 5, at=timezone.now() - timedelta(minutes=1))).json()
    assert answer["today"]["good"] == "5"
    assert station.day().json()["day"] == (here.date() - timedelta(days=1)).isoformat()
    assert Report.objects.get().day == here.date() - timedelta(days=1)


def test_a_clock_put_back_in_between_does_not_turn_the_order_round(station, first):
    now = timezone.now()
    acts = [station.good(first.pk, n + 1, at=now - timedelta(minutes=m)) for n, m in enumerate((10, 70, 5))]
    station.sync(*acts)
    booked = Report.objects.order_by("device_at").values_list("quantity", flat=True)
    assert [int(q) for q in booked] == [1, 2, 3]


def test_more_than_the_operation_before_is_booked_and_flagged(station, shop, first):
    second = shop.operation(first.work_order, 20)
    assert station.states(station.good(first.pk, 5), station.good(second.pk, 8)) == ["done", "flagged"]
    flag = ReportFlag.objects.get()
    assert (flag.kind, flag.excess_quantity) == ("over", 3)


def test_an_order_closed_meanwhile_takes_the_report_with_a_flag(station, shop, first):
    act = station.good(first.pk, 5)
    shop.world.do("production.work_order.close", first.work_order)
    assert station.states(act) == ["flagged"]
    assert ReportFlag.objects.get().kind == "closed"
    assert counts(first) == 5


def test_a_lot_held_since_is_booked_flagged_and_its_output_held(station, shop, first):
    lot = shop.steel_lot
    made = timezone.now() - timedelta(hours=1)
    act = station.good(
        first.pk, 5, at=made, output_lot="FG-L1", lots=[{"lot": str(lot.pk), "quantity": "2.5"}]
    )
    shop.world.do("inventory.lot.hold", lot, reason="炉号待查")
    assert station.states(act) == ["flagged"]
    assert ReportFlag.objects.get().kind == "held"
    row = Report.objects.get()
    assert row.output_lot.state == "held"


@pytest.mark.parametrize(("days", "states"), [(3, ["flagged"]), (-3, ["done"])])
def test_a_lot_expired_when_it_was_used_is_booked_and_flagged(station, shop, first, days, states):
    shop.world.do("production.work_order.issue", first.work_order)
    Lot.objects.filter(pk=shop.steel_lot.pk).update(expires_on=timezone.now().date() - timedelta(days=days))
    act = station.good(first.pk, 5, lots=[{"lot": str(shop.steel_lot.pk), "quantity": "2.5"}])
    told = next(one for one in station.day().json()["tasks"] if one["id"] == str(first.pk))["materials"]
    assert [lot["expires"] for line in told for lot in line["lots"] if lot["number"] == "HEAT-1"] == [
        (timezone.now().date() - timedelta(days=days)).isoformat()
    ]
    assert station.states(act) == states
    assert list(ReportFlag.objects.values_list("kind", flat=True)) == (["expired"] if days > 0 else [])
    assert counts(first) == 5


@pytest.mark.plants("station.kept_acts")
def test_what_cannot_be_booked_is_kept_for_the_leader_and_stops_nothing(station, shop, first):
    lost, torn = station.good(new_id(), 4, said="10 车削 合格 4"), station.good(first.pk, "many")
    found = station.states(lost, torn, station.good(first.pk, 5), station.good(first.pk, 6))
    assert found == ["kept", "kept", "done", "done"]
    assert station.states(lost, torn) == ["kept", "kept"]
    assert counts(first) == 11
    kept = KeptAct.objects.get(pk=lost["id"])
    assert (kept.code, kept.said, kept.employee_id) == (
        "production.operation_unknown", "10 车削 合格 4", shop.world.worker.pk
    )  # fmt: skip
    shop.world.do("station.kept_act.book", kept, operation=first.pk)
    assert (kept.state, counts(first)) == ("booked", 15)
    row = Report.objects.get(pk=lost["id"])
    assert (row.device_at, row.people[0]["employee"]) == (kept.happened_at, str(shop.world.worker.pk))
    assert station.states(lost) == ["done"]
    assert run(["station.kept_acts"])[0].is_green
    KeptAct.objects.filter(pk=torn["id"]).update(state="booked")
    assert run(["station.kept_acts"])[0].found.broken == 1
    KeptAct.objects.filter(pk=torn["id"]).update(state="open")
    other = KeptAct.objects.get(pk=torn["id"])
    shop.world.do("station.kept_act.dismiss", other, answer="重复")
    assert other.state == "dismissed"


def test_a_report_of_ones_own_is_undone_booked_or_only_kept(station, first):
    booked, lost = station.good(first.pk, 5), station.good(new_id(), 4)
    assert station.states(booked, lost) == ["done", "kept"]
    assert station.states(station.undo(booked), station.undo(lost)) == ["done", "done"]
    assert counts(first) == 0
    assert KeptAct.objects.get().state == "dismissed"


def test_good_and_bad_of_one_act_are_told_together(station, shop, first):
    reason = shop.world.make("production.defect_reason", code="D1", name="划伤", kind="both")
    act = station.act("report", first.pk, ("good", 8), ("scrap", 2))
    act["parts"][1]["defects"] = [{"reason": str(reason.pk), "quantity": "2"}]
    assert station.states(act) == ["done"]
    first.refresh_from_db()
    assert (first.good_quantity, first.scrap_quantity) == (8, 2)


def test_a_day_is_told_whole_and_once(station, shop, first):
    shop.world.do(
        "production.work_order.assign", first.work_order,
        lines=[{"operation": first.pk, "employee": shop.world.worker}],
    )  # fmt: skip
    answer = station.day()
    day = answer.json()
    task = day["tasks"][0]
    assert (task["id"], task["mine"], task["room"]) == (str(first.pk), True, "100")
    assert [m["item"] for m in task["materials"]] == ["MP-1", "RM-1"]
    assert [t["mine"] for t in day["tasks"]] == [True, False, False]
    assert [p["name"] for p in day["people"]] == ["赵师傅"]
    assert station.day(**{"If-None-Match": answer["ETag"]}).status_code == 304
    station.sync(station.good(first.pk, 5))
    assert station.day(**{"If-None-Match": answer["ETag"]}).json()["today"]["good"] == "5"


def test_a_day_takes_as_many_statements_for_one_order_as_for_many(station, shop, first, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    station.day()
    with CaptureQueriesContext(connection) as few:
        station.day()
    for _ in range(6):
        shop.released()
    with django_assert_num_queries(len(few)):
        station.day()


def test_a_badge_locks_after_five_misses_and_a_leader_opens_it(station, shop, badge):
    told = shop.world.do("station.badge.new_pin", badge)
    pin = told.in_("en").split()[-1]
    assert station.enter(code="e-work", pin=pin).status_code == 200
    wrong = "000000" if pin != "000000" else "111111"
    assert [station.enter(code="E-WORK", pin=wrong).status_code for _ in range(6)] == [401] * 5 + [429]
    assert station.enter(code="E-WORK", pin=pin).status_code == 429
    shop.world.do("station.badge.unlock", badge)
    assert station.enter(code="E-WORK", pin=pin).status_code == 200


def test_one_print_is_a_badge_and_what_it_says_signs_in(station, shop, badge):
    nouns = [one.spec.key for one in registry.nouns()]
    named = {one.name for key in nouns for one in prints.layouts(key) if str(one.label) == "工牌"}
    assert named == {"station.badge.card"}
    layout = next(one for one in prints.layouts("station.badge") if one.key == "card")
    noun = registry.noun("station.badge")
    paper = Paper("zh", ZoneInfo("UTC"), "https://erp.example.com")
    records = reading.read_records(shop.ctx, noun, [badge.pk], expand=False)
    (card,) = Labeller(shop.ctx, noun, layout, paper).texts(records)
    assert (card.title, station.enter(badge=card.code).status_code) == (shop.world.worker.name, 200)


def test_another_label_is_said_to_be_no_badge_and_is_no_miss(station, shop, badge):
    label = f"https://erp.example.com{codes.make('people.employee', shop.world.worker.pk)}"
    answers = [station.enter(badge=text) for text in [label] * signing.MISSES_OF_DEVICE]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(401, "station.not_a_badge")}
    assert "员工" in answers[0].json()["detail"]
    device = Device.objects.get(pk=station.device.pk)
    assert (device.misses, device.locked_until) == (0, None)
    guesses = [badges.badge_code(badge.pk, 7), f"{badges.MARK}x.y/go/e/{badge.pk}", "no badge at all"]
    assert {station.enter(badge=text).json()["code"] for text in guesses} == {"station.sign_in_refused"}
    device.refresh_from_db()
    assert device.misses == len(guesses)


def test_a_lost_card_and_all_that_was_signed_in_with_it_is_void(station, shop, badge, first):
    old = badges.badge_code(badge.pk, badge.serial)
    shop.world.do("station.badge.replace", badge)
    assert station.enter(badge=old).status_code == 401
    assert station.sync(station.good(first.pk, 1)).status_code == 401
    assert station.enter(badge=badges.badge_code(badge.pk, badge.serial)).status_code == 200


def test_a_device_is_shut_out_and_a_pairing_code_serves_once(station, shop, badge):
    code = shop.world.do("station.device.pair", station.device).in_("en").split("enter ")[1].split()[0]
    assert station.day().status_code == 401
    assert station.enter(badge=badges.badge_code(badge.pk, 1)).status_code == 401
    assert station.send("pair", {"code": code.lower()}).status_code == 200
    assert station.send("pair", {"code": code}).status_code == 401
    shop.world.change(Device.objects.get(pk=station.device.pk), is_active=False)
    assert station.enter(badge=badges.badge_code(badge.pk, 1)).status_code == 401


def test_nobody_acts_without_a_ticket_and_no_cookie_stands_for_one(station, first):
    body = {"device": str(station.key), "sent_at": timezone.now().isoformat(), "acts": []}
    assert station.send("sync", body).status_code == 401
    assert station.send("sync", body, Authorization="Station forged").status_code == 401
    station.client.force_login(User.objects.get(login="zhao"), backend="django.contrib.auth.backends.ModelBackend")
    assert station.send("sync", body).status_code == 401
    own = station.client.get("/station/api/me").json()["ticket"]
    assert station.states(station.good(first.pk, 2), ticket=own) == ["done"]


def test_secrets_are_in_no_list_no_history_and_no_audit(station, shop, badge):
    from banyan.kernel.models import Audit, History

    pin = shop.world.do("station.badge.new_pin", badge).in_("en").split()[-1]
    badge.refresh_from_db()
    kept = str(list(History.objects.values_list("record", flat=False))) + str(list(Audit.objects.values()))
    kept += str(list(History.objects.values()))
    assert badge.pin_hash not in kept
    assert pin not in kept
    assert station.token not in kept


def test_the_day_tells_what_a_device_counts_the_time_and_the_day_with(station, first):
    answer = station.day()
    told = answer.json()
    assert told["zone"] == "Asia/Shanghai"
    assert datetime.fromisoformat(answer["Station-Time"]) <= timezone.now()
    task = next(one for one in told["tasks"] if one["id"] == str(first.pk))
    assert D(task["run_minutes"]) == first.run_minutes > 0


def test_the_scanner_is_kept_later_with_its_compiled_code_and_is_no_part_of_the_shell(client):
    text = client.get("/station/sw.js").content.decode()
    shell, later = (orjson.loads(line.partition(" = ")[2].rstrip(";")) for line in text.splitlines()[:2])
    assert [Path(one).suffix for one in later] == [".js", ".wasm"]
    assert Path(later[0]).name.startswith("decoder-")
    assert not set(later) & set(shell)


def test_who_signs_in_at_a_station_is_seen_in_the_list_of_sessions_and_ended_there(station, shop, badge, first, ctx):
    (row,) = sessions.of_person(User.objects.get(login="zhao").pk, timezone.now())
    assert (row.way, row.device, row.address) == ("badge", f"{station.device.code} 车削一号", "127.0.0.1")
    act = station.good(first.pk, 1)
    execute(ctx, registry.command("kernel.session.end"), ids=[row.pk])
    answer = station.sync(act)
    assert (answer.status_code, answer.json()["code"], counts(first)) == (401, "station.sign_in_needed", 0)
    station.enter(badge=badges.badge_code(badge.pk, badge.serial))
    assert (station.states(act), counts(first)) == (["done"], 1)


def test_signing_in_again_at_the_same_station_ends_what_was_before(station, badge, first):
    old = station.ticket
    station.enter(badge=badges.badge_code(badge.pk, badge.serial))
    assert station.sync(station.good(first.pk, 1), ticket=old).status_code == 401
    assert station.states(station.good(first.pk, 1)) == ["done"]
    assert len(sessions.of_person(User.objects.get(login="zhao").pk, timezone.now())) == 1


@pytest.mark.parametrize(("column", "hours"), [("seen_at", 24), ("created_at", 336)])
def test_at_a_station_a_session_lasts_longer_than_a_shift_and_not_for_ever(station, first, column, hours):
    Session.objects.update(**{column: F(column) - timedelta(hours=hours - 1)})
    assert station.states(station.good(first.pk, 1)) == ["done"]
    Session.objects.update(**{column: timezone.now() - timedelta(hours=hours)})
    assert station.sync(station.good(first.pk, 1)).status_code == 401


def test_a_ticket_of_ones_own_device_ends_with_the_browsers_session(station, first):
    station.client.force_login(User.objects.get(login="zhao"), backend="django.contrib.auth.backends.ModelBackend")
    own = station.client.get("/station/api/me").json()["ticket"]
    assert station.states(station.good(first.pk, 1), ticket=own) == ["done"]
    station.client.post("/logout")
    assert station.sync(station.good(first.pk, 1), ticket=own).status_code == 401


def test_a_link_opens_a_session_once(station):
    user = User.objects.get(login="zhao")
    tickets = [signing.ticket_of_link(user, timezone.now()) for _ in range(2)]
    assert {signing.seat_of(one).principal.id for one in tickets} == {user.pk}
    assert [one.way for one in sessions.of_person(user.pk, timezone.now())].count("link") == 1


def test_ones_own_last_reports_are_told_to_any_device_and_taken_back_there(station, shop, first):
    both = station.act("report", first.pk, ("good", 5), ("scrap", 1))
    later = station.good(first.pk, 7, at=timezone.now())
    assert station.states(both, later) == ["done", "done"]
    reported = station.day().json()["reported"]
    assert [[(p["kind"], p["quantity"]) for p in one["parts"]] for one in reported] == [
        [("good", "7")], [("good", "5"), ("scrap", "1")]]  # fmt: skip
    assert [one["approved"] for one in reported] == [False, False]
    other = Station(shop)
    other.ticket = station.ticket
    assert other.states(other.undo({"parts": reported[1]["parts"]})) == ["done"]
    assert counts(first) == 7
    assert [one["parts"][0]["id"] for one in other.day().json()["reported"]] == [later["id"]]
    shop.world.do("production.report.approve", reports=[later["id"]])
    assert [one["approved"] for one in other.day().json()["reported"]] == [True]


def test_others_reports_are_not_among_ones_own(station, shop, first):
    shop.report(first.work_order, 10, "good", 3, people=[{"employee": shop.world.second_worker.pk}])
    shop.report(first.work_order, 10, "good", 3, people=[{"employee": shop.world.worker.pk}])
    assert station.day().json()["reported"] == []
