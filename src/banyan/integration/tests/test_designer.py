"""The designer's answers: what each step says, what is wrong where, what is written and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.integration.connecting import Incoming
from banyan.integration.models import Flow, FlowVersion, Message, Sample
from banyan.integration.tests.conftest import PAGES, do
from banyan.integration.tests.telling import Sold, sell
from banyan.kernel import commands
from banyan.kernel.commands import Command, execute, tell
from banyan.kernel.models import Audit, Outbox, Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id
from banyan.lib.labels import L

FORM = {
    "code": "DRAWN", "name": "画的流", "trigger": "event", "event": ["test.sold", ""], "filter": "data.n > 1",
    "map": "written", "map_written": '{"fields": [{"target": "n", "source": "data.n"}]}', "target": "orders",
    "order": "strict", "body": '{"data": {"n": 2}}', "step": "trigger",
}  # fmt: skip


@pytest.fixture
def designer(live_db, system) -> Any:
    """Give a client of somebody who may do everything, and posts the form with changes."""
    boss = User.objects.create(login="boss", name="林小雨", is_superuser=True, language="en")
    client = Client(headers={"HX-Request": "true"})
    client.force_login(boss)

    def post(path: str, **changes: Any):
        given = FORM | {"system": str(system.pk)} | changes
        return client.post(path, given)

    post.client = client
    return post


def text(answer: Any) -> str:
    return answer.content.decode()


def made(answer: Any) -> Flow:
    assert answer.status_code == 204, text(answer)
    return Flow.objects.get(code="DRAWN")


@pytest.mark.parametrize(("language", "confirmed", "moved"), [
    ("zh", "销售订单已确认", "库存已移动"), ("en", "Sales order confirmed", "Stock moved"),
])  # fmt: skip
def test_events_are_offered_by_what_they_are_called(designer, language, confirmed, moved):
    User.objects.update(language=language)
    page = text(designer.client.get("/integration/design/new", headers={"HX-Request": ""}))
    assert f'<option value="sales.order_confirmed">{confirmed}</option>' in page
    assert f'<option value="inventory.stock_moved">{moved}</option>' in page


def test_a_drawn_flow_is_kept_by_the_command_of_the_registry(designer, system):
    drawn = made(designer("/integration/design/new/save"))
    assert (drawn.direction, drawn.trigger, drawn.detail) == ("out", "event", {"events": ["test.sold"]})
    assert drawn.mapping == {"fields": [{"target": "n", "source": "data.n"}]}
    assert (drawn.system_id, drawn.filter, drawn.target, drawn.state) == (system.pk, "data.n > 1", "orders", "draft")
    assert Audit.objects.filter(command="integration.flow.create", records=[drawn.pk], outcome="done").count() == 1


def test_each_step_shows_what_leaves_it_and_nothing_is_written(designer):
    said = text(designer("/integration/design/new/try"))
    assert said.count("state-green") == 4
    assert "Only where data.n &gt; 1" in said
    assert not Flow.objects.exists()
    held = text(designer("/integration/design/new/try", body='{"data": {"n": 1}}'))
    assert "This sample is held back here" in held


@pytest.mark.parametrize(
    ("changes", "step", "words"),
    [
        ({"filter": "data.n >"}, "filter", "bench-faults"),
        ({"filter": "data.n + 1"}, "filter", "not true or false"),
        ({"map_written": "{"}, "mapping", "must be a JSON object"),
        ({"map": "table", "map_table": "NONE"}, "mapping", "NONE"),
        ({"trigger": "schedule", "beat": "cron", "cron": "0 25 * * *"}, "trigger", "hour cannot be read"),
        ({"trigger": "webhook", "operation": "roles", "target": "no.such"}, "target", "no command named"),
        ({"trigger": "webhook", "operation": "roles", "target": "kernel.role.create", "filter": ""}, "target", "code"),
        ({"reply_target": "kernel.role.create", "reply_map": "none"}, "reply", "mapping"),
        ({"retries": "soon"}, "target", "Retry pauses are seconds"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_step(designer, changes, step, words):
    said = text(designer("/integration/design/new/try", **changes))
    part = said.split(f'id="fd-made-{step}"')[1].split('id="fd-')[0]
    assert "bench-faults" in part
    assert words in part
    assert f'id="fd-says-{step}"' in said


def test_a_sample_that_cannot_be_read_is_said_beside_it(designer):
    assert "cannot be read" in text(designer("/integration/design/new/try", body="{"))


def test_a_calendar_shows_its_next_five_times(designer):
    said = text(designer("/integration/design/new/try", trigger="schedule", beat="cron", cron="0 8 * * *", zone="UTC"))
    assert said.split('<ol class="fd-times">')[1].split("</ol>")[0].count("08:00 UTC") == 5


def test_of_a_clock_the_next_message_is_taken(designer):
    clock = {"trigger": "schedule", "beat": "cron", "cron": "0 8 * * *", "zone": "UTC", "filter": "", "map": "none"}
    said = text(designer("/integration/design/new/pick", **clock, **{"from": "latest"}))
    assert "T08:00:00+00:00&quot;" in said
    assert "&quot;type&quot;: &quot;schedule&quot;" in said


EVENT_IN = {"direction": "in", "drawn_direction": "in", "target": "kernel.role.create", "filter": ""}


def test_an_event_may_lead_to_a_command_of_ours(designer, system):
    whole = '{"code": "R7", "name_zh": "七", "name_en": "Seven"}'
    said = text(designer("/integration/design/new/try", **EVENT_IN, map="none", body=whole))
    assert said.count("state-green") == 5
    drawn = made(designer("/integration/design/new/save", **EVENT_IN))
    assert (drawn.direction, drawn.trigger, drawn.target) == ("in", "event", "kernel.role.create")


def test_the_clock_brings_constants_and_a_list(designer):
    clock = EVENT_IN | {"trigger": "schedule", "every": "1", "unit": "3600", "map": "none", "drawn_trigger": "schedule",
                        "beat_data": '{"shop": "S1"}', "list_noun": "kernel.user", "list_where": "?login=boss"}
    said = text(designer("/integration/design/new/pick", **clock, **{"from": "latest"}))
    assert ("&quot;shop&quot;: &quot;S1&quot;" in said, "&quot;login&quot;: &quot;boss&quot;" in said) == (True, True)
    drawn = made(designer("/integration/design/new/save", **clock))
    assert drawn.detail == {"data": {"shop": "S1"}, "list": {"noun": "kernel.user", "where": "login=boss"},
                            "every": 3600}  # fmt: skip
    page = text(designer.client.get(f"/integration/flow/{drawn.pk}/design"))
    assert 'value="login=boss"' in page
    wrong = text(designer("/integration/design/new/try", **clock | {"beat_data": "["}))
    assert "must be a JSON object" in wrong


def test_what_one_system_tells_is_drawn_to_another(ctx, designer, system):
    other = do(ctx, "integration.system.create", records=[dict(
        code="MES", name="车间", connector="test_loop", settings={}, hosts=["127.0.0.1:*"])]).ids[0]  # fmt: skip
    do(ctx, "integration.system.activate", other)
    crossing = {"trigger": "webhook", "operation": "reports", "direction": "out", "origin": str(other), "filter": "",
                "drawn_trigger": "webhook", "drawn_direction": "out"}  # fmt: skip
    page = text(designer("/integration/design/new/draw", **crossing))
    assert "/hooks/MES/reports" in page
    assert f'<option value="{other}" selected>' in page.split('id="fd-origin"')[1].split("</select>")[0]
    assert "When 车间 pushes reports" in page
    assert "To 商店: orders" in page
    drawn = made(designer("/integration/design/new/save", **crossing))
    assert (drawn.direction, drawn.origin_id, drawn.system_id) == ("out", other, system.pk)


def test_a_trigger_of_another_kind_leads_where_it_mostly_does(designer):
    shown = text(designer("/integration/design/new/draw", trigger="poll", operation="roles", direction="out",
                          drawn_trigger="event", drawn_direction="out"))  # fmt: skip
    assert '<option value="in" selected>' in shown
    assert 'name="target" value=""' in shown
    kept = text(designer("/integration/design/new/draw", trigger="schedule", direction="in", drawn_trigger="event",
                         drawn_direction="in", target="kernel.role.create"))  # fmt: skip
    assert ('<option value="in" selected>' in kept, 'value="kernel.role.create"' in kept) == (True, True)


def test_a_condition_chosen_from_lists_is_put_behind_the_others(designer):
    said = text(designer("/integration/design/new/draw", add="1", cond_field="data.kind", cond_sign="=",
                         cond_value='a "b"'))  # fmt: skip
    assert "data.n &gt; 1 and data.kind = &quot;a \\&quot;b\\&quot;&quot;" in said


def test_the_latest_event_is_taken_and_the_next_one_waited_for(ctx, designer):
    sell(ctx, (new_id(), 7), drains=False)
    assert "&quot;n&quot;: 7" in text(designer("/integration/design/new/pick", **{"from": "latest"}))
    waiting = text(designer("/integration/design/new/pick", **{"from": "next"}))
    assert "Waiting for the next one" in waiting
    since = waiting.split('"since":"')[1].split('"')[0]
    sell(ctx.with_(now=Outbox.objects.latest("at").at.replace(year=2030)), (new_id(), 8), drains=False)
    assert "&quot;n&quot;: 8" in text(designer("/integration/design/new/pick", **{"from": "next", "since": since}))


def test_one_is_fetched_from_the_partner_and_nothing_is_kept(designer):
    PAGES["roles"] = [[Incoming(id="1", body={"code": "R7"})]]
    poll = {"trigger": "poll", "operation": "roles", "target": "kernel.role.create", "filter": "", "map": "none"}
    said = text(designer("/integration/design/new/pick", **poll, **{"from": "partner"}))
    assert "&quot;code&quot;: &quot;R7&quot;" in said
    assert not Message.objects.exists()
    assert Audit.objects.filter(command="integration.flow.peek", outcome="done").count() == 1
    gone = designer("/integration/design/new/pick", **poll | {"operation": "none"}, **{"from": "partner"})
    assert (gone.status_code, "There is none yet" in text(gone)) == (422, True)


def test_a_dry_run_does_the_command_and_takes_it_back(designer):
    into = {"trigger": "poll", "operation": "roles", "target": "kernel.role.create", "filter": "", "map": "none"}
    roles, told = Role.objects.count(), Outbox.objects.count()
    whole = '{"code": "R7", "name_zh": "七", "name_en": "Seven"}'
    said = text(designer("/integration/design/new/rehearse", **into, body=whole))
    assert "run and taken back" in said
    assert said.count("state-red") == 0
    Role.objects.create(code="R7", name_zh="七", name_en="Seven")
    said = text(designer("/integration/design/new/rehearse", **into, body=whole))
    assert "Such a record exists already" in said.split('id="fd-made-target"')[1].split("bench-sub")[0]
    assert (Role.objects.count(), Outbox.objects.count()) == (roles + 1, told)


def test_a_sample_is_pinned_with_what_comes_of_it_and_the_flow_switched_on(designer):
    drawn = made(designer("/integration/design/new/save"))
    here = f"/integration/flow/{drawn.pk}/design"
    refused = designer(f"{here}/on", _version="1")
    assert (refused.status_code, "has no samples" in text(refused)) == (409, True)
    drawn.refresh_from_db()
    pinned = designer(f"{here}/pin", sample_name="二", _version=str(drawn.version))
    assert pinned.status_code == 204, text(pinned)
    assert Sample.objects.get().output == {"n": 2}
    drawn.refresh_from_db()
    done = designer(f"{here}/on", _version=str(drawn.version))
    assert done.status_code == 204, text(done)
    drawn.refresh_from_db()
    assert (drawn.state, FlowVersion.objects.get().definition["filter"]) == ("active", "data.n > 1")
    page = text(designer.client.get(here))
    assert "Pinned samples: 1 of 1 pass" in page
    assert "/integration/flows/do/stop" in page


def test_two_who_draw_at_once_do_not_overwrite_each_other(designer):
    drawn = made(designer("/integration/design/new/save"))
    here = f"/integration/flow/{drawn.pk}/design"
    assert designer(f"{here}/save", _version="1", name="先").status_code == 200
    late = designer(f"{here}/save", _version="1", name="后")
    assert late.status_code == 412
    assert Flow.objects.get().name == "先"


def test_what_runs_is_shown_as_it_is_stored_whatever_the_form_says(designer, flow):
    running = flow()
    said = text(designer(f"/integration/flow/{running.pk}/design/try", filter="false"))
    assert "Everything passes" in said
    assert designer(f"/integration/flow/{running.pk}/design/save", _version=str(running.version)).status_code == 409


def test_the_flows_are_told_in_words_in_as_many_statements_however_many_there_are(designer, flow):
    def counted() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as asked:
            page = text(designer.client.get("/integration/design"))
        return len(asked), page

    flow(direction="in", trigger="poll", detail={"operation": "roles", "every": 7200}, target="kernel.role.create")
    first, page = counted()
    assert "every 2 hours, read roles of 商店" in page
    for _ in range(4):
        flow()
    again, page = counted()
    assert page.count("fd-flow-head") == 5
    assert again == first


def test_versions_show_what_each_changed(ctx, designer, flow):
    running = flow()
    for name in ("stop", "revise"):
        do(ctx, f"integration.flow.{name}", running.pk)
    do(ctx, "integration.flow.change", running.pk, target="orders2", filter="a = 1")
    drawn = text(designer.client.get(f"/integration/flow/{running.pk}/design"))
    assert "differs from the newest version: 2 places" in drawn
    for name in ("test", "activate"):
        do(ctx, f"integration.flow.{name}", running.pk)
    page = text(designer.client.get(f"/integration/flow/{running.pk}/design"))
    assert page.split("Version 2")[1].split("Version 1")[0].count("<tr>") == 3  # the head and two changes
    assert '<code class="fd-gone">orders</code>' in page


def test_who_may_only_read_sees_no_way_to_write(designer, live_db):
    drawn = made(designer("/integration/design/new/save"))
    reader = User.objects.create(login="reader", name="读者", language="en")
    role = Role.objects.create(code="READS", name_zh="读", name_en="Reads")
    for permission in ("integration.flow.read", "integration.system.read"):
        RoleGrant.objects.create(role=role, permission=permission)
    UserRole.objects.create(user=reader, role=role)
    client = Client(headers={"HX-Request": "true"})
    client.force_login(reader)
    page = text(client.get(f"/integration/flow/{drawn.pk}/design"))
    assert [word for word in ("/design/on", "/design/pin", "/design/rehearse", "device-floppy") if word in page] == []
    assert client.get("/integration/design/new").status_code == 403
    refused = client.post(f"/integration/flow/{drawn.pk}/design/save", FORM | {"system": str(drawn.system_id)})
    assert refused.status_code == 403
    assert client.post(f"/integration/flow/{drawn.pk}/design/rehearse", FORM).status_code == 403


def test_a_rehearsal_within_a_command_takes_back_what_was_told(ctx, live_db):
    def named(name: str, function: Any) -> Command:
        return Command(key=f"kernel.user.{name}", label=L("试", "Try"), on="noun", permission=f"kernel.user.{name}",
                       function=function)  # fmt: skip

    sells = named("sell", lambda ctx: tell(Sold(record=new_id(), n=1)))
    execute(ctx, named("tries", lambda ctx: commands.rehearse(ctx, sells) and None))
    assert not Outbox.objects.filter(type="test.sold").exists()
    execute(ctx, named("does", lambda ctx: execute(ctx, sells) and None))
    assert Outbox.objects.filter(type="test.sold").count() == 1


ROUTED = {
    "event": ["test.sold", "test.cancelled", ""], "filter": "data.n > 1",
    "route_events": ["test.cancelled", ""], "route_target": ["cancellations", ""], "route_filter": ["", ""],
    "route_mapping": ['{"fields": [{"target": "gone", "source": "data.n"}]}', ""],
    "route_reply": ['{"keep": true}', ""],
}  # fmt: skip
ROUTE = {
    "events": ["test.cancelled"], "target": "cancellations", "reply": {"keep": True},
    "mapping": {"fields": [{"target": "gone", "source": "data.n"}]},
}  # fmt: skip


def test_routes_are_drawn_shown_and_kept(designer):
    drawn = made(designer("/integration/design/new/save", **ROUTED))
    assert drawn.detail == {"events": ["test.sold", "test.cancelled"], "routes": [ROUTE]}
    here = f"/integration/flow/{drawn.pk}/design"
    page = text(designer.client.get(here))
    assert 'name="route_target" value="cancellations"' in page
    assert "To 商店: orders; by other routes: 1" in page
    untouched = {name: given for name, given in ROUTED.items() if not name.startswith("route_")}
    assert designer(f"{here}/save", _version="1", **untouched, name="又").status_code == 200
    drawn.refresh_from_db()
    assert (drawn.name, drawn.detail["routes"]) == ("又", [ROUTE])
    cleared = ROUTED | {"route_events": ["", ""]}
    assert designer(f"{here}/save", _version=str(drawn.version), **cleared).status_code == 200
    drawn.refresh_from_db()
    assert drawn.detail == {"events": ["test.sold", "test.cancelled"]}


def test_a_sample_shows_the_route_it_goes_by(designer):
    said = text(designer("/integration/design/new/try", **ROUTED, body='{"type": "test.cancelled", "data": {"n": 2}}'))
    assert "Route 1: To 商店: cancellations" in said
    assert "&quot;gone&quot;: 2" in said.split('id="fd-made-target"')[1].split('id="fd-')[0]
    own = text(designer("/integration/design/new/try", **ROUTED, body='{"type": "test.sold", "data": {"n": 2}}'))
    assert "Route 1" not in own
    assert "&quot;n&quot;: 2" in own.split('id="fd-made-target"')[1].split('id="fd-')[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"route_mapping": ["{", ""]}, "Route 1, its mapping: must be an object"),
        ({"route_reply": ['{"command": {"x": 1}}', ""]}, "Route 1, its reply: command needs target"),
        ({"route_events": ["test.cancelled test.lost", ""]}, "test.lost is none of the flow"),
        ({"route_filter": ["data.n >", ""]}, "Route 1, its filter: "),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_route_is_said_at_the_target_and_not_kept(designer, changes, words):
    said = text(designer("/integration/design/new/try", **ROUTED | changes))
    part = said.split('id="fd-made-target"')[1].split('id="fd-')[0]
    assert words in part.replace("&#x27;", "'")
    shown = text(designer("/integration/design/new/draw", **ROUTED | changes))
    (typed,), = ([one for one in given if one] for given in changes.values())
    assert typed.replace('"', "&quot;").replace(">", "&gt;") in shown, "what was typed is lost"
    assert designer("/integration/design/new/save", **ROUTED | changes).status_code == 422
    assert not Flow.objects.exists()
