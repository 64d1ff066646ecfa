"""The pages of the team board, and what its hands do; every write is a command of production."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.spec import Choice
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L, Label, plain
from banyan.modules.equipment.queries import MachineFacts, machines_at
from banyan.modules.people.models import Employee
from banyan.modules.production.models import Report, ReportApproval
from banyan.modules.production.rules import was_stopped
from banyan.modules.teamboard import queries, rules
from banyan.modules.teamboard.errors import NothingToPropose, TeamUnknown
from banyan.modules.teamboard.values import Board, FlagRow, PersonRow, TaskCard, TeamFacts
from banyan.web import acting
from banyan.web.answers import noted, page, part
from banyan.web.cells import Wording

ASSIGN, APPROVE = "production.work_order.assign", "production.report.approve"
SETTLE, DISMISS = "production.report_flag.settle", "station.kept_act.dismiss"
BOOK = "station.kept_act.book"
STATUSES = {
    "working": Choice("working", L("在做", "Working"), "green"),
    "paused": Choice("paused", L("暂停", "Paused"), "orange"),
    "stopped": Choice("stopped", L("异常停工", "Stopped"), "red"),
    "free": Choice("free", L("未开工", "Not begun"), "blue"),
    "none": Choice("none", L("没有任务", "No task"), "grey"),
    "absent": Choice("absent", L("缺勤", "Absent"), "grey"),
}
MACHINE_STATES = {
    "running": Choice("running", L("运行", "Running"), "green"),
    "down": Choice("down", L("故障", "Down"), "red"),
    "maintenance": Choice("maintenance", L("保养", "Maintenance"), "orange"),
}


# --- pages --------------------------------------------------------------------------------------------------


def _asked(request: HttpRequest) -> tuple[tuple[TeamFacts, ...], tuple[UUID, ...]]:
    request.ctx.require(queries.READ, L("班组看板", "Team board"))
    return queries.chosen_teams(request.ctx, request.GET.get("team", "") or request.POST.get("team", ""))


def _wording(request: HttpRequest) -> Wording:
    return Wording(request.ctx.language, acting.zone_of(request), request.ctx)


def _common(request: HttpRequest, teams: Sequence[TeamFacts], chosen: Sequence[UUID], tab: str) -> dict[str, Any]:
    asked, centre = request.GET.get("team", ""), request.GET.get("centre", "")
    tail = urlencode({name: value for name, value in (("team", asked), ("centre", centre)) if value})
    return {
        "teams": teams, "chosen": chosen, "team": asked, "tab": tab, "may_assign": request.ctx.may(ASSIGN),
        "may_approve": request.ctx.may(APPROVE), "tail": f"?{tail}" if tail else "",
        "is_all": len(chosen) == len(teams) and len(teams) > 1,
    }  # fmt: skip


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Give the board's page."""
    teams, chosen = _asked(request)
    mark = _mark(request, chosen)
    return page(request, "teamboard/page.html", {
        **_common(request, teams, chosen, "board"), **_board(request, teams, chosen), "stamp": mark,
    })  # fmt: skip


@require_GET
def again(request: HttpRequest) -> HttpResponse:
    """Give the board again; nothing where it is what the page shows already (`seen`)."""
    request.ctx.require(queries.READ, L("班组看板", "Team board"))
    asked = request.GET.get("seen", "")
    if asked and asked.startswith(queries.stamp(request.ctx) + "~"):
        return HttpResponse(status=204)
    teams, chosen = _asked(request)
    mark = _mark(request, chosen)
    return part(request, "teamboard/board.html", {
        **_common(request, teams, chosen, "board"), **_board(request, teams, chosen), "stamp": mark,
    })  # fmt: skip


def _mark(request: HttpRequest, chosen: Sequence[UUID]) -> str:
    """Give the mark of what is about to be read: taken before, so that nothing that follows is missed."""
    return queries.stamp(request.ctx) + "~"


def _board(request: HttpRequest, teams: Sequence[TeamFacts], chosen: Sequence[UUID]) -> dict[str, Any]:
    centre = _key(request.GET.get("centre"))
    found = queries.board(request.ctx, teams, chosen, centre)
    names = {team.id: team.name for team in teams}
    zone = _zone(teams, chosen) or acting.zone_of(request)
    return {
        "board": found, "centre": centre, "tracks": _tracks(found, names),
        "people": [_person(one, zone) for one in found.people],
        "machines": [(one, MACHINE_STATES[one.state]) for one in found.machines],
        "rate": int(found.good * 100 / found.due) if found.due >= 1 else None,
        "now": f"{request.ctx.now.astimezone(zone):%H:%M}",
    }  # fmt: skip


def _zone(teams: Sequence[TeamFacts], chosen: Sequence[UUID]) -> ZoneInfo | None:
    return next((ZoneInfo(team.zone) for team in teams if team.id in chosen), None)


def _tracks(found: Board, names: Mapping[UUID, str]) -> list[tuple[str, UUID, list[TaskCard]]]:
    """Give what is given to each team as a whole."""
    shared: dict[UUID, list[TaskCard]] = {key: [] for key in found.chosen}
    for card in found.shared:
        shared.setdefault(card.team, []).append(card)
    return [(names[key], key, cards) for key, cards in shared.items() if key in names]


def _person(one: PersonRow, zone: ZoneInfo) -> dict[str, Any]:
    hours = Decimal(one.load) / 60
    return {
        "row": one, "status": STATUSES[one.status], "load": f"{hours:.1f}",
        "since": f"{one.since.astimezone(zone):%H:%M}" if one.since else "",
        "due": plain(one.due.quantize(Decimal(1))), "is_behind": one.due >= 1 and one.good < one.due * 8 / 10,
    }  # fmt: skip


@require_GET
def approval(request: HttpRequest) -> HttpResponse:
    """Give what waits for approval: without a flag all together, flagged ones each by hand."""
    teams, chosen = _asked(request)
    rows, count = queries.waiting(request.ctx, teams, chosen)
    wording = _wording(request)
    kinds = _choices("production.report", "kind")
    named = _choices("production.report_flag", "kind")
    shown = [
        {"row": row, "kind": kinds[row.kind], "at": wording.instant(row.at), "flags": [named[f] for f in row.flags]}
        for row in rows
    ]
    clear = [one for one in shown if not one["flags"]]
    return page(request, "teamboard/approval.html", {
        **_common(request, teams, chosen, "approval"), "clear": clear, "count": count, "shown": len(rows),
        "more": count - len(rows),
        "flagged": [one for one in shown if one["flags"]], "people": len({one["row"].who for one in clear}),
        "good": sum((one["row"].quantity for one in clear if one["row"].kind == "good"), Decimal(0)),
    })  # fmt: skip


@require_GET
def flags(request: HttpRequest) -> HttpResponse:
    """Give breaches found at sync with both views, and what stations told that nobody could book."""
    teams, chosen = _asked(request)
    wording = _wording(request)
    kinds, named = _choices("production.report", "kind"), _choices("production.report_flag", "kind")
    states, steps = _choices("production.work_order", "state"), _choices("production.operation", "state")
    acts = _choices("station.kept_act", "kind")
    found, count = queries.flags(request.ctx, teams, chosen)
    told, told_count = queries.kept_acts(request.ctx, teams, chosen)
    rows = [
        {
            "row": row, "kind": kinds[row.kind], "state": states[row.order_state], "step": steps[row.operation_state],
            "undone": kinds.get(row.undone_kind), "undone_at": wording.instant(row.undone_at) if row.undone_at else "",
            "count": abs(row.quantity), "left": row.taken_then + row.quantity,
            "keys": ",".join(str(key) for key, *_ in row.flags),
            "enough": ENOUGH if row.is_undo or all(kind != "over" for _, kind, _ in row.flags) else ENOUGH_BEFORE,
            "flags": [(key, named[kind], kind, excess) for key, kind, excess in row.flags],
            "happened": wording.instant(row.happened_at), "reported": wording.instant(row.reported_at),
            "clock": wording.instant(row.clock_at) if row.clock_at else "",
            "closed": wording.instant(row.closed_at) if row.closed_at else "",
            "machine_state": _stood(row, wording),
            "room": None if row.arrived_then is None else max(Decimal(0), row.arrived_then - row.taken_then),
        }
        for row in found
    ]
    kept = [
        {
            "row": row, "kind": acts[row.kind], "happened": wording.instant(row.happened_at),
            "clock": wording.instant(row.clock_at), "state": states.get(row.order_state),
            "why": row.why_zh if request.ctx.language == "zh" else row.why_en, "may_move": row.kind in MOVED,
        }
        for row in told
    ]
    return page(request, "teamboard/flags.html", {
        **_common(request, teams, chosen, "flags"), "rows": rows, "kept": kept,
        "count": count + told_count, "shown": len(rows) + len(kept), "more": count + told_count - len(rows) - len(kept),
        "may_release": request.ctx.may("inventory.lot.release"), "may_book": request.ctx.may(BOOK),
        "may_settle": request.ctx.may(SETTLE), "may_dismiss": request.ctx.may(DISMISS),
        "accepted": L("认可", "Accepted"), "not_booked": NOT_BOOKED,
        "taken_back": TAKEN_BACK, "made": MADE,
    })  # fmt: skip


def _stood(row: FlagRow, wording: Wording) -> str:
    """Give since when a machine stands still, in words; nothing where it ran when the work was done."""
    if not row.machine or not was_stopped(row.machine_state, row.machine_since, row.happened_at):
        return ""
    since = wording.instant(row.machine_since) if row.machine_since else "—"
    state = str(MACHINE_STATES[row.machine_state].label)
    return str(L("{state}，自 {at}", "{state} since {at}").filled({"state": state, "at": since}))


def _choices(noun: str, field: str) -> dict[str, Choice]:
    spec = registry.noun(noun).spec
    life = spec.life
    if life is not None and life.field == field:
        return {state.key: state for state in life.states}
    return {choice.key: choice for choice in spec.field(field).choices}


# --- dispatch -----------------------------------------------------------------------------------------------


def _key(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound() from None


def _keys(texts: Iterable[str]) -> list[UUID]:
    return [key for text in texts for one in text.split(",") if (key := _key(one.strip()))]


def _done(note: Label | None = None) -> HttpResponse:
    return noted(HttpResponse(status=204), note, **{"banyan:board": True})


def _do(request: HttpRequest, command: str, data: Mapping[str, Any], ids: Sequence[UUID] = ()) -> Any:
    return execute(request.ctx, registry.command(command), ids=ids, data=data).value


def _require_mine(request: HttpRequest, people: Iterable[UUID | None], teams: Iterable[UUID | None]) -> None:
    """Refuse work for somebody who is in no team of one's own. Raises: TeamUnknown"""
    asked_people, asked_teams = {one for one in people if one}, {one for one in teams if one}
    mine = {team.id for team in queries.teams_of(request.ctx)}
    asked_teams |= set(Employee.objects.filter(pk__in=asked_people).values_list("team_id", flat=True))
    if asked_teams - mine:
        raise TeamUnknown


@require_POST
def give(request: HttpRequest) -> HttpResponse:
    """Give an operation to a person or team, besides those who do it, or instead of one of them.

    Takes:  operation; employee or team; instead: the assignment it is taken from; seen: the assignments shown
    """
    ctx, asked = request.ctx, request.POST
    ctx.require(ASSIGN)
    operation, employee, team = (_key(asked.get(name)) for name in ("operation", "employee", "team"))
    _require_mine(request, [employee], [team])
    instead, hands, moved = _key(asked.get("instead")), [], None
    for key, one, group, quantity, machine in queries.hands_of(operation) if operation else ():
        if key == instead:
            moved = (quantity, machine)
        elif (one, group) != (employee, team):
            hands.append({"employee": one, "team": group, "quantity": quantity, "machine": machine})
    quantity, machine = moved or (None, None)
    if employee or team:
        hands.append({"employee": employee, "team": team, "quantity": quantity, "machine": machine})
    line = {"operation": operation, "hands": hands, "seen": _keys([asked.get("seen", "")])}
    _do(request, "production.work_order.dispatch", {"lines": [line]})
    return _done(L("已派工", "Dispatched") if employee or team else L("已取消派工", "Taken off"))


@require_POST
def arrange(request: HttpRequest) -> HttpResponse:
    """Put the tasks of a person or team into the order in which they lie on the board."""
    employee, team = _key(request.POST.get("employee")), _key(request.POST.get("team"))
    _require_mine(request, [employee], [team])
    tasks = _keys([request.POST.get("assignments", "")])
    _do(request, "production.assignment.arrange", {"employee": employee, "team": team, "assignments": tasks})
    return _done(L("顺序已更新，工位上同步", "The order is changed, at the station too"))


@require_POST
def urgent(request: HttpRequest) -> HttpResponse:
    """Make an order urgent, or as others again."""
    priority = "urgent" if request.POST.get("urgent") == "1" else "normal"
    order = _key(request.POST.get("order"))
    if order is None:
        raise NotFound()
    _do(request, "production.work_order.prioritise", {"priority": priority}, [order])
    return _done(L("已设为紧急", "It is urgent now") if priority == "urgent" else L("已取消紧急", "No longer urgent"))


def split(request: HttpRequest) -> HttpResponse:
    """Give the dialog that spreads an operation's quantity over people, or spread it."""
    request.ctx.require(ASSIGN)
    teams, chosen = _asked(request)
    source = request.POST if request.method == "POST" else request.GET
    operation = _key(source.get("operation"))
    card = queries.one_task(operation, request.ctx.now.date()) if operation else None
    if card is None:
        raise NotFound()
    if request.method == "POST":
        return _split(request, card)
    known = {one: (quantity, machine) for _, one, _, quantity, machine in queries.hands_of(card.operation) if one}
    machines = machines_at([card.work_centre] if card.work_centre else []).get(card.work_centre, ())
    rows = Employee.objects.filter(team__in=chosen, is_active=True).order_by("team", "code")
    people = [
        {"id": key, "name": name, "is_on": key in known,
         "quantity": plain(known[key][0]) if key in known and known[key][0] else "",
         "machine": known[key][1] if key in known else card.machine}
        for key, name in rows.values_list("pk", "name")
    ]
    return part(request, "teamboard/split.html", {
        "card": card, "people": people, "machines": _choice_of(machines), "team": request.GET.get("team", ""),
        "left": plain(max(Decimal(0), card.planned - card.good)),
    })  # fmt: skip


def _choice_of(machines: Sequence[MachineFacts]) -> list[tuple[UUID, str]]:
    """Give machines to choose from, none where there is no choice, each with what it does if it does not run."""
    if len(machines) < 2:
        return []
    states = [str(MACHINE_STATES[one.state].label) if one.state != "running" else "" for one in machines]
    return [(one.id, f"{one.code} {state}".strip()) for one, state in zip(machines, states, strict=True)]


def _split(request: HttpRequest, card: TaskCard) -> HttpResponse:
    people = _keys(request.POST.getlist("employee"))
    _require_mine(request, people, [])
    standing = queries.hands_of(card.operation)
    others = _hands_of_others(request, standing)
    machines = {one: machine for _, one, _, _, machine in standing}
    machines |= {one: key for one in people if (key := _key(request.POST.get(f"machine.{one}")))}
    told = {one: _number(request.POST.get(f"quantity.{one}", ""), one) for one in people}
    if people and not any(told.values()):
        left = card.planned - card.good - sum((one["quantity"] or Decimal(0) for one in others), Decimal(0))
        parts = rules.split_evenly(max(left, Decimal(0)), len(people), card.places)
        told = dict(zip(people, parts, strict=True)) if len(people) > 1 else told
    hands = [{"employee": one, "quantity": told[one] or None, "machine": machines.get(one)} for one in people]
    line = {"operation": card.operation, "hands": [*hands, *others], "seen": _keys([request.POST.get("seen", "")])}
    _do(request, "production.work_order.dispatch", {"lines": [line]})
    return _done(L("已派给 {n} 人", "Given to {n}").filled({"n": len(hands)}))


def _hands_of_others(request: HttpRequest, standing: Sequence[tuple]) -> list[dict[str, Any]]:
    """Give who does an operation and is in no team of one's own: they keep what they have."""
    mine = {team.id for team in queries.teams_of(request.ctx)}
    people = [one for _, one, *_ in standing if one]
    homes = dict(Employee.objects.filter(pk__in=people).values_list("pk", "team_id"))
    return [
        {"employee": one, "team": team, "quantity": quantity, "machine": machine}
        for _, one, team, quantity, machine in standing if (team or homes.get(one)) not in mine
    ]


def _number(text: str, employee: UUID) -> Decimal | None:
    try:
        found = Decimal(text.strip().replace(",", "")) if text.strip() else None
    except InvalidOperation:
        found = Decimal("NaN")
    if found is not None and (not found.is_finite() or found < 0):
        raise Invalid(fields={f"quantity.{employee}": L("填写数字", "a number, please")})
    return found


@require_GET
def proposal(request: HttpRequest) -> HttpResponse:
    """Give a dispatch of what nobody has: by skill, then machine and work centre, then who has least to do."""
    request.ctx.require(ASSIGN)
    teams, chosen = _asked(request)
    found = queries.board(request.ctx, teams, chosen, _key(request.GET.get("centre")))
    pairs = rules.propose(
        [rules.Need(c.operation, c.open * c.minutes_each, c.skill, c.machine, c.work_centre) for c in found.pool],
        [_candidate(one) for one in found.people],
    )
    if not pairs:
        raise NothingToPropose
    cards, people = {c.operation: c for c in found.pool}, {one.id: one for one in found.people}
    standing = machines_at(sorted({c.work_centre for c in found.pool if c.work_centre}))
    machines = {centre: _choice_of(several) for centre, several in standing.items()}
    return part(request, "teamboard/proposal.html", {
        "pairs": [
            (cards[operation], people[person], machines.get(cards[operation].work_centre))
            for operation, person in pairs
        ],
        "rest": len(found.pool) - len(pairs), "team": request.GET.get("team", ""),
    })  # fmt: skip


def _candidate(one: PersonRow) -> rules.Candidate:
    return rules.Candidate(
        one.id, one.code, one.skills, Decimal(one.load),
        frozenset(task.machine for task in one.tasks if task.machine),
        frozenset(task.work_centre for task in one.tasks if task.work_centre), one.status != "absent",
    )  # fmt: skip


@require_POST
def accept(request: HttpRequest) -> HttpResponse:
    """Dispatch what was proposed and left ticked; refused where somebody else has dispatched it meanwhile."""
    pairs = [text.split(":") for text in request.POST.getlist("pair") if text.count(":") == 1]
    if not pairs:
        raise Invalid("teamboard.nothing_chosen", L("请至少选一条", "Choose at least one"))
    _require_mine(request, [_key(person) for _, person in pairs], [])
    lines = [
        {"operation": _key(o), "seen": [],
         "hands": [{"employee": _key(person), "machine": _key(request.POST.get(f"machine.{o}"))}]}
        for o, person in pairs
    ]
    _do(request, "production.work_order.dispatch", {"lines": lines})
    return _done(L("已派工 {n} 道工序", "{n} operations dispatched").filled({"n": len(lines)}))


# --- approval and flags -------------------------------------------------------------------------------------


def _require_own_reports(request: HttpRequest, reports: Sequence[UUID]) -> None:
    """Refuse reports of other teams than one's own. Raises: TeamUnknown"""
    found = set(ReportApproval.objects.filter(pk__in=reports).values_list("team_id", flat=True))
    if found - _teams_looked_after(request):
        raise TeamUnknown


def _teams_looked_after(request: HttpRequest) -> set[UUID | None]:
    teams: set[UUID | None] = {team.id for team in queries.teams_of(request.ctx)}
    return teams | {None} if queries.looks_after_others(request.ctx) else teams


@require_POST
def approve(request: HttpRequest) -> HttpResponse:
    """Approve the reports that the page showed; what was taken back meanwhile is left out."""
    reports = _keys(request.POST.getlist("reports"))
    if not reports:
        raise Invalid("teamboard.nothing_chosen", L("请至少选一条", "Choose at least one"))
    _require_own_reports(request, reports)
    said = _do(request, APPROVE, {"reports": reports})
    release = _key(request.POST.get("release"))
    if release:
        reason = str(L("班组长处理报工异常时解冻", "Released when the flag was settled"))
        _do(request, "inventory.lot.release", {"reason": reason}, [release])
    return noted(HttpResponse(status=204), said, **{"banyan:reload": True})


#: Why flags need nothing, and why acts are not booked, as a rule: one tap each; any other reason is typed.
ENOUGH = (L("已当面核对", "Checked with the worker"), L("时钟或网络原因", "Clock or network"))
ENOUGH_BEFORE = (*ENOUGH, L("上道漏报", "Not told at the operation before"))
NOT_BOOKED = (L("重复", "Told twice"), L("已另行报工", "Told in another way"), L("误操作", "Tapped by mistake"))
#: Kinds of acts that may be booked on another operation than the one they were told for.
MOVED = ("start", "pause", "report")


@require_POST
def settle(request: HttpRequest) -> HttpResponse:
    """Settle flags by an answer; the report stays as it is, and waits for approval where it does."""
    return _answer(request, "flags", SETTLE, queries.teams_of_flags, L("已处理", "Settled"))


@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Say by an answer why acts are not booked."""
    return _answer(request, "acts", DISMISS, queries.teams_of_acts, L("不入账", "Not booked"))


def _answer(
    request: HttpRequest, name: str, command: str, teams_of: Callable[[Sequence[UUID]], set[UUID | None]], note: Label
) -> HttpResponse:
    request.ctx.require(command, registry.command(command).label)
    found = _keys(request.POST.getlist(name))
    if not found:
        raise Invalid("teamboard.nothing_chosen", L("请至少选一条", "Choose at least one"))
    if teams_of(found) - _teams_looked_after(request):
        raise TeamUnknown
    _do(request, command, {"answer": request.POST.get("answer", "").strip()}, found)
    return noted(HttpResponse(status=204), note, **{"banyan:reload": True})


#: Why reports are put right as a rule; any other reason is typed.
REASONS = (L("数量数错", "Miscounted"), L("报错工序", "Wrong operation"), L("重复报工", "Told twice"),
           L("复检不合格", "Bad at a second look"))  # fmt: skip


#: Why what was approved is taken back after all, and why what was taken back is booked again: one tap each.
TAKEN_BACK = (L("工人报错", "The worker was wrong"), L("复检不合格", "Bad at a second look"))
MADE = (L("确实做了", "It was made"), L("误点撤销", "Undone by mistake"))


@require_POST
def reverse(request: HttpRequest) -> HttpResponse:
    """Take back with a reason what a worker wished to undo and was approved by then."""
    return _book(request, {"reason": request.POST.get("answer", "").strip()}, L("已冲销", "Taken back"))


@require_POST
def book(request: HttpRequest) -> HttpResponse:
    """Book what was kept where it was told for, or accept what is booked already."""
    return _book(request, {}, L("已入账", "Booked"))


def _book(request: HttpRequest, data: Mapping[str, Any], note: Label) -> HttpResponse:
    request.ctx.require(BOOK, registry.command(BOOK).label)
    acts = _keys([request.POST.get("acts", "")])
    if not acts:
        raise Invalid("teamboard.nothing_chosen", L("请至少选一条", "Choose at least one"))
    if queries.teams_of_acts(acts) - _teams_looked_after(request):
        raise TeamUnknown
    _do(request, BOOK, data, acts)
    return noted(HttpResponse(status=204), note, **{"banyan:reload": True})


@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Book again with a reason what an undo that came too late took back."""
    request.ctx.require(APPROVE, L("恢复报工", "Book again"))
    key = _key(request.POST.get("report"))
    undone = Report.objects.filter(pk=key).values_list("reverses", flat=True).first()
    if undone is None:
        raise NotFound()
    _require_own_reports(request, [undone])
    _do(request, "production.report.book_again", {"report": key, "reason": request.POST.get("answer", "").strip()})
    return noted(HttpResponse(status=204), L("已恢复，待审核", "Booked again; it waits for approval"),
                 **{"banyan:reload": True})  # fmt: skip


def correct(request: HttpRequest) -> HttpResponse:
    """Give the dialog that puts a report right, or put it right by taking it back with a reason."""
    request.ctx.require(APPROVE, L("更正报工", "Correct a report"))
    source = request.POST if request.method == "POST" else request.GET
    key = _key(source.get("report"))
    row = queries.told(key) if key else None
    if row is None:
        raise NotFound()
    _require_own_reports(request, [row.id])
    if request.method != "POST":
        return part(request, "teamboard/correct.html", {
            "row": row, "kind": _choices("production.report", "kind")[row.kind], "operations": queries.near(row),
            "reasons": REASONS,
        })  # fmt: skip
    reason = source.get("other", "").strip() or source.get("reason", "")
    quantity = source.get("quantity", "").strip().replace(",", "") or None
    data = {"report": row.id, "quantity": quantity, "operation": _key(source.get("operation")), "reason": reason}
    _do(request, "production.report.correct", data)
    return noted(HttpResponse(status=204), L("已更正，待审核", "Corrected; it waits for approval"),
                 **{"banyan:reload": True})  # fmt: skip
