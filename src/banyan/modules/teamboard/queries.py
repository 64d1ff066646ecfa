"""Reads of the team board: a fixed number of statements for any number of people and tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.records import titles
from banyan.lib.calendar import Span, WorkingCalendar, shift_day
from banyan.lib.labels import in_english
from banyan.lib.quantity import round_quantity
from banyan.modules.company.queries import plant_calendar
from banyan.modules.engineering import capture
from banyan.modules.exceptions.queries import NOUN as EXCEPTION
from banyan.modules.exceptions.queries import stopping
from banyan.modules.people.queries import minutes_present
from banyan.modules.production import rules as production
from banyan.modules.production.commands.flow import Shop, read_shop
from banyan.modules.production.queries import OPERATION_NAME, TASK_ORDER
from banyan.modules.teamboard import rules
from banyan.modules.teamboard.errors import TeamUnknown
from banyan.modules.teamboard.values import (
    Board,
    FlagRow,
    HourRow,
    KeptRow,
    MachineRow,
    Measured,
    PersonRow,
    TaskCard,
    TeamFacts,
    ToldRow,
    WaitingRow,
)

ZERO = Decimal(0)
READ = "teamboard.board.read"
#: Operations without anybody that are shown at once, reports that wait, flags.
MOST_POOL, MOST_WAITING, MOST_FLAGS = 60, 400, 60
#: How long ago somebody may have begun what they are still at.
LONGEST = timedelta(hours=20)


# --- whose board --------------------------------------------------------------------------------------------

_TEAMS = """
    SELECT t.id, t.name, t.plant_id, p.zone FROM people_team t JOIN company_plant p ON p.id = t.plant_id
    WHERE CASE %(reach)s::text
        WHEN 'all' THEN true WHEN 'plant' THEN t.plant_id = ANY(%(plants)s::uuid[])
        ELSE t.id = ANY(%(teams)s::uuid[]) OR t.leader_id = %(employee)s::uuid END
    ORDER BY (t.leader_id = %(employee)s::uuid) IS NOT TRUE, t.code
"""


def teams_of(ctx: Context) -> tuple[TeamFacts, ...]:
    """Give the teams whose board somebody may see: one's own, or all of the plants within reach. One statement."""
    who = ctx.principal
    reach = who.reach(READ)
    if reach is None:
        return ()
    named = {"reach": reach, "plants": list(who.plants), "teams": list(who.teams), "employee": who.employee}
    return tuple(TeamFacts(*row) for row in db.rows(_TEAMS, named))


def chosen_teams(ctx: Context, asked: str = "") -> tuple[tuple[TeamFacts, ...], tuple[UUID, ...]]:
    """Give one's teams and those to show: the one asked for, else those one leads or belongs to, else the first.

    Raises: TeamUnknown for one that is not among them
    """
    teams = teams_of(ctx)
    if asked == "all":
        return teams, tuple(team.id for team in teams)
    if asked:
        found = tuple(team.id for team in teams if str(team.id) == asked)
        if not found:
            raise TeamUnknown
        return teams, found
    if ctx.principal.reach(READ) in ("own", "team"):
        return teams, tuple(team.id for team in teams)
    return teams, tuple(team.id for team in teams[:1])


#: Every command leaves a line in the audit: while there is no new one, the board is as it was. A line that is
#: committed after a later one changes their number.
_STAMP = """
    WITH last AS (SELECT max(seq) AS seq FROM kernel_audit)
    SELECT l.seq, (SELECT count(*) FROM kernel_audit a WHERE a.seq > l.seq - 200) FROM last l
"""


def stamp(ctx: Context, *more: object) -> str:
    """Give a mark that stays while nothing has been done in the product and no new hour has begun. One statement."""
    last, count = db.one(_STAMP)
    return "-".join(str(one) for one in (last or 0, count, ctx.now.strftime("%j%H"), *more))


# --- the board ----------------------------------------------------------------------------------------------

_PEOPLE = """
    SELECT e.id, e.code, e.name, e.team_id, s.starts_at, s.ends_at, coalesce(s.break_minutes, 0),
           array(SELECT k.skill_id FROM people_employeeskill k WHERE k.employee_id = e.id
                 AND coalesce(k.valid_from, '-infinity') <= %(day)s::date
                 AND %(day)s::date < coalesce(k.valid_to, 'infinity')),
           array(SELECT n.name FROM people_employeeskill k JOIN people_skill n ON n.id = k.skill_id
                 WHERE k.employee_id = e.id ORDER BY k.level DESC, n.code LIMIT 4)
    FROM people_employee e LEFT JOIN people_shift s ON s.id = e.shift_id
    WHERE e.team_id = ANY(%(teams)s::uuid[]) AND e.is_active ORDER BY e.team_id, e.code
"""

_CARD = f"""
    o.id, w.id, w.number, i.code, coalesce(nullif(w.part_name, ''), i.name), o.sequence,
    {OPERATION_NAME}, o.work_centre_id, coalesce(c.name, ''),
    m.code, o.quantity, o.good_quantity, w.priority = 'urgent', w.due_on < %(day)s::date, o.is_stopped, w.due_on,
    coalesce(o.skill_id, c.skill_id), o.run_minutes, o.report_ratio, o.places
"""
_JOINED = """
    JOIN production_workorder w ON w.id = o.work_order_id JOIN items_item i ON i.id = w.item_id
    LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
"""
_GIVEN = f"""
    SELECT a.id, a.employee_id, a.team_id, a.quantity, coalesce(a.machine_id, o.machine_id),
           array(SELECT x.id FROM production_assignment x WHERE x.operation_id = o.id AND x.is_active ORDER BY x.id),
           {_CARD}
    FROM production_assignment a JOIN production_operation o ON o.id = a.operation_id {_JOINED}
    LEFT JOIN equipment_machine m ON m.id = coalesce(a.machine_id, o.machine_id)
    WHERE a.is_active AND (a.employee_id = ANY(%(people)s::uuid[]) OR a.team_id = ANY(%(teams)s::uuid[]))
      AND w.state IN ('released', 'running') AND o.state IN ('open', 'running')
    ORDER BY {TASK_ORDER}
"""
_POOL = f"""
    SELECT NULL::uuid, NULL::uuid, NULL::uuid, NULL::numeric, o.machine_id, '{{}}'::uuid[], {_CARD},
           count(*) OVER ()
    FROM production_operation o {_JOINED} LEFT JOIN equipment_machine m ON m.id = o.machine_id
    WHERE w.plant_id = ANY(%(plants)s::uuid[]) AND w.state IN ('released', 'running')
      AND o.state IN ('open', 'running') AND NOT o.is_subcontracted
      AND (%(centre)s::uuid IS NULL OR o.work_centre_id = %(centre)s::uuid)
      AND (coalesce(o.skill_id, c.skill_id) IS NULL OR coalesce(o.skill_id, c.skill_id) = ANY(%(skills)s::uuid[]))
      AND NOT EXISTS (SELECT 1 FROM production_assignment a WHERE a.operation_id = o.id AND a.is_active)
    ORDER BY w.priority DESC, o.state DESC, w.due_on, w.number, o.sequence LIMIT {MOST_POOL}
"""

#: The work centres of some plants at which operations wait that nobody has been given, and what is chosen.
_CENTRES = """
    SELECT c.id, c.code || ' ' || c.name FROM equipment_workcentre c
    WHERE c.plant_id = ANY(%(plants)s::uuid[]) AND (c.id = %(centre)s::uuid OR c.is_active AND EXISTS (
        SELECT 1 FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
        WHERE o.work_centre_id = c.id AND w.state IN ('released', 'running') AND o.state IN ('open', 'running')))
    ORDER BY c.code LIMIT 100
"""

#: The day whose shift each person of the board is in.
_SHIFTS = "unnest(%(people)s::uuid[], %(days)s::date[]) s(employee, day)"

_DONE = f"""
    SELECT r.operation_id, (p ->> 'employee')::uuid, sum((p ->> 'quantity')::numeric),
           coalesce(sum((p ->> 'quantity')::numeric) FILTER (WHERE r.day = coalesce(s.day, %(day)s::date)), 0)
    FROM production_report r LEFT JOIN production_report u ON u.id = r.reverses_id
    CROSS JOIN jsonb_array_elements(r.people) p LEFT JOIN {_SHIFTS} ON s.employee = (p ->> 'employee')::uuid
    WHERE r.work_order_id = ANY(%(orders)s::uuid[]) AND r.operation_id = ANY(%(operations)s::uuid[])
      AND coalesce(u.kind, r.kind) = 'good'
    GROUP BY 1, 2
"""

_MARKS = f"""
    SELECT DISTINCT ON (r.worker) r.worker, r.kind, coalesce(r.device_at, r.reported_at), r.operation_id,
           w.number, o.sequence, {OPERATION_NAME}, o.is_stopped
    FROM production_report r JOIN production_operation o ON o.id = r.operation_id
    JOIN production_workorder w ON w.id = r.work_order_id
    WHERE r.reported_at >= %(since)s::timestamptz AND r.worker = ANY(%(people)s::uuid[])
      AND r.kind IN ('start', 'pause') AND o.state IN ('open', 'running')
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    ORDER BY r.worker, coalesce(r.device_at, r.reported_at) DESC, r.id DESC
"""

#: By the hour in which it was done; what is taken back is missing in that hour.
_OUTPUT = f"""
    SELECT date_trunc('hour', CASE WHEN u.id IS NULL THEN least(coalesce(r.device_at, r.reported_at), r.reported_at)
                              ELSE least(coalesce(u.device_at, u.reported_at), u.reported_at) END),
           (p ->> 'employee')::uuid, coalesce(u.kind, r.kind) = 'good', sum((p ->> 'quantity')::numeric)
    FROM production_report r LEFT JOIN production_report u ON u.id = r.reverses_id
    CROSS JOIN jsonb_array_elements(r.people) p JOIN {_SHIFTS} ON s.employee = (p ->> 'employee')::uuid
    WHERE r.day = ANY(%(days)s::date[]) AND r.day = s.day
      AND coalesce(u.kind, r.kind) IN ('good', 'scrap', 'rework')
    GROUP BY 1, 2, 3
"""

#: What runs on a machine is what somebody at it told last; where nobody said which machine, the one planned.
_MACHINES = """
    WITH told AS (
        SELECT o.id, coalesce((array_agg(r.machine_id ORDER BY coalesce(r.device_at, r.reported_at) DESC, r.id DESC)
                   FILTER (WHERE r.machine_id IS NOT NULL))[1], o.machine_id) AS machine,
               (array_agg(r.kind ORDER BY coalesce(r.device_at, r.reported_at) DESC, r.id DESC)
                   FILTER (WHERE r.kind IN ('start', 'pause')))[1] AS mark
        FROM production_operation o
        JOIN production_report r ON r.work_order_id = o.work_order_id AND r.operation_id = o.id
        WHERE o.work_centre_id = ANY(%(centres)s::uuid[]) AND o.started > 0 AND o.state = 'running'
          AND r.kind <> 'undo' AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
        GROUP BY o.id, r.worker
    )
    SELECT m.id, m.code, m.state, m.state_since, coalesce((
        SELECT string_agg(w.number || ' ' || o.sequence, ', ' ORDER BY w.number, o.sequence)
        FROM (SELECT DISTINCT id FROM told WHERE machine = m.id AND mark = 'start') t
        JOIN production_operation o ON o.id = t.id JOIN production_workorder w ON w.id = o.work_order_id), '')
    FROM equipment_machine m WHERE m.work_centre_id = ANY(%(centres)s::uuid[])
    ORDER BY m.state = 'running', m.code LIMIT 60
"""

#: Who told a flagged report, and whose team looks at it: for pieces, and for their undo, the worker's team when they
#: were reported; a start or pause waits for no approval, so the worker's team now.
_TELLER = """
    JOIN production_report r ON r.id = f.report_id
    LEFT JOIN production_reportapproval a ON a.id = coalesce(r.reverses_id, r.id)
    LEFT JOIN people_employee e ON e.id = r.worker
"""
_TEAM = "(CASE WHEN a.id IS NULL THEN e.team_id ELSE a.team_id END)"


def _within_reach(team: str) -> str:
    """Give the condition that a team is among those shown; nobody's is for those who look after a plant."""
    return f"({team} = ANY(%(teams)s::uuid[]) OR %(others)s::boolean AND {team} IS NULL)"


_KEPT_HERE = f"(k.plant_id IS NULL OR k.plant_id = ANY(%(plants)s::uuid[])) AND {_within_reach('e.team_id')}"

#: What waits and what is flagged, as the pages of both list it.
_COUNTS = f"""
    SELECT (SELECT count(*) FROM production_reportapproval a
            WHERE a.state = 'waiting' AND a.plant_id = ANY(%(plants)s::uuid[]) AND {_within_reach("a.team_id")}),
           (SELECT count(DISTINCT f.report_id) FROM production_reportflag f {_TELLER}
            WHERE f.state = 'open' AND f.plant_id = ANY(%(plants)s::uuid[]) AND {_within_reach(_TEAM)})
           + (SELECT count(*) FROM station_keptact k LEFT JOIN people_employee e ON e.id = k.employee_id
              WHERE k.state = 'open' AND {_KEPT_HERE})
"""


def counts(ctx: Context, teams: Sequence[TeamFacts], chosen: Sequence[UUID]) -> tuple[int, int]:
    """Give how many reports of teams wait for approval, and how many things are on their flags page. One statement."""
    return db.one(_COUNTS, _within(ctx, teams, chosen))


def board(ctx: Context, teams: Sequence[TeamFacts], chosen: Sequence[UUID], centre: UUID | None = None) -> Board:
    """Give the board of some teams: people with their tasks, what nobody has, the day by hour. Twelve statements.

    Takes:  centre: only what nobody has been given at this work centre
    """
    mine = [team for team in teams if team.id in chosen]
    zone = ZoneInfo(mine[0].zone if mine else "Asia/Shanghai")
    day = ctx.now.astimezone(zone).date()
    plants = sorted({team.plant for team in mine})
    rows = db.rows(_PEOPLE, {"teams": list(chosen), "day": day})
    people = {row[0]: PersonRow(*row[:4], frozenset(row[7]), tuple(row[8])) for row in rows}
    _fill_days(ctx, mine, people, rows)
    named = {
        "people": list(people), "teams": list(chosen), "plants": plants, "day": day,
        "days": [one.day for one in people.values()], "centre": centre, "since": ctx.now - LONGEST,
        "skills": sorted({skill for one in people.values() for skill in one.skills}), "english": in_english(),
    }  # fmt: skip
    given = [_card(row) for row in db.rows(_GIVEN, named)]
    found = db.rows(_POOL, named)
    pool = [_card(row[:-1]) for row in found]
    _fill_room([*given, *pool])
    _fill_done(given, named)
    _lay_out(people, given)
    _fill_status(ctx, people, named)
    made, plan = _day(people, rows, given, named, zone)
    hours = _hours(made, plan, ctx.now, zone)
    waiting, flags = counts(ctx, teams, chosen)
    centres = sorted({card.work_centre for card in (*given, *pool) if card.work_centre})
    machines = db.rows(_MACHINES, {"centres": centres})
    return Board(
        tuple(teams), tuple(chosen), tuple(people.values()),
        tuple(card for card in given if card.team is not None), tuple(sorted(pool, key=lambda c: c.room <= 0)),
        found[0][-1] - len(pool) if found else 0, hours, tuple(MachineRow(*row) for row in machines),
        waiting, flags,
        sum((one.good for one in people.values()), ZERO), sum((one.bad for one in people.values()), ZERO),
        sum((one.due for one in people.values()), ZERO), sum((row.planned for row in hours), ZERO),
        tuple((key, name) for key, name in db.rows(_CENTRES, named)),
    )  # fmt: skip


def _card(row: tuple) -> TaskCard:
    (assignment, employee, team, part, machine, seen, operation, order, number, item, item_name, sequence, name, centre,
     centre_name, machine_code, planned, good, is_urgent, is_late, is_stopped, due_on, skill, run, ratio, places) = row
    return TaskCard(
        assignment, operation, order, number or "", item, item_name, f"{sequence} {name}", centre, centre_name, machine,
        machine_code or "", part if part is not None else planned, planned, good, ZERO, is_urgent, is_late, is_stopped,
        part is not None, due_on, skill, run, ratio, places, employee=employee, team=team, seen=tuple(seen),
    )  # fmt: skip


def _fill_room(cards: Iterable[TaskCard]) -> None:
    """Say how many counts of each operation may be reported now. One statement."""
    cards = list(cards)
    shop = read_shop(orders=sorted({card.work_order for card in cards})) if cards else None
    for card in cards:
        op = shop.ops[card.operation]
        card.room = max(ZERO, production.room(op.sequence, shop.flows(op.order), op.planned, op.tolerance))


def _fill_days(
    ctx: Context, teams: Sequence[TeamFacts], people: Mapping[UUID, PersonRow], rows: Sequence[tuple]
) -> None:
    """Say the day of whose shift each person is in: their own, else one of the plant's calendar. No statement, one
    for each plant with somebody who has no shift."""
    homes = {team.id: team for team in teams}
    calendars: dict[UUID, WorkingCalendar] = {}
    for key, _, _, team, starts, ends, *_ in rows:
        home = homes[team]
        if starts:
            own = [Span(starts, ends)]
            people[key].day = shift_day(ctx.now.astimezone(ZoneInfo(home.zone)), own, own)
            continue
        if home.plant not in calendars:
            calendars[home.plant] = plant_calendar(home.plant)
        people[key].day = calendars[home.plant].shift_day(ctx.now)


def _fill_done(given: Sequence[TaskCard], named: Mapping[str, Any]) -> None:
    """Say what those who do an operation have made of it, of an operation given to a team all together."""
    asked = {name: named[name] for name in ("people", "days", "day")} | {
        "orders": sorted({card.work_order for card in given}),
        "operations": sorted({card.operation for card in given}),
    }  # fmt: skip
    done: dict[tuple[UUID, UUID | None], tuple[Decimal, Decimal]] = {}
    for operation, employee, count, today in db.rows(_DONE, asked):
        done[operation, employee] = (count, today)
        known = done.get((operation, None), (ZERO, ZERO))
        done[operation, None] = (known[0] + count, known[1] + today)
    for card in given:
        card.done, card.done_today = done.get((card.operation, card.employee), (ZERO, ZERO))


def _lay_out(people: dict[UUID, PersonRow], given: Sequence[TaskCard]) -> None:
    for card in given:
        if card.employee in people:
            people[card.employee].tasks.append(card)


def _fill_status(ctx: Context, people: dict[UUID, PersonRow], named: dict[str, Any]) -> None:
    marks = {row[0]: row[1:] for row in db.rows(_MARKS, named)}
    on: dict[date, list[UUID]] = defaultdict(list)
    for one in people.values():
        on[one.day].append(one.id)
    present = {day: minutes_present(keys, day, day + timedelta(days=1)) for day, keys in on.items()}
    stopped = [row[2] for row in marks.values() if row[0] == "start" and row[6]]
    by_operation = stopping(stopped)
    words = titles(EXCEPTION, sorted({key for keys in by_operation.values() for key in keys}))
    for one in people.values():
        kind, since, operation, number, sequence, name, is_stopped = marks.get(one.id, ("",) + (None,) * 6)
        there = present[one.day]
        one.status = rules.status(
            is_absent=bool(there) and one.id not in there, mark=kind, is_stopped=bool(is_stopped),
            has_tasks=bool(one.tasks),
        )  # fmt: skip
        if kind:
            one.since, one.at = since, f"{number} {sequence} {name}"
            one.why = ", ".join(words.get(key, "") for key in by_operation.get(operation, ()))


def _day(
    people: dict[UUID, PersonRow], rows: Sequence[tuple], given: Sequence[TaskCard], named: dict[str, Any],
    zone: ZoneInfo,
) -> tuple[dict[datetime, list[Decimal]], dict[datetime, Decimal]]:
    """Give by hour what was made, good and bad, and what should be; each person's own sums are written to them.

    What should be: what was before somebody when the day began, by the routing's times, one task after the other
    """
    made: dict[datetime, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for hour, employee, is_good, quantity in db.rows(_OUTPUT, named):
        made[hour][0 if is_good else 1] += quantity
        if is_good:
            people[employee].good += quantity
        else:
            people[employee].bad += quantity
    plan: dict[datetime, Decimal] = defaultdict(lambda: ZERO)
    sizes: dict[UUID, int] = defaultdict(int)
    for one in people.values():
        sizes[one.team] += 1
    for key, _, _, team, starts, ends, pause, *_ in rows:
        hours = rules.hours_of(starts or time(8), ends or time(17), pause if starts else 60, people[key].day, zone)
        own = [(task.open + task.done_today, task) for task in people[key].tasks]
        shared = [((task.open + task.done_today) / sizes[team], task) for task in given if task.team == team]
        loads = [rules.Load(quantity, task.minutes_each) for quantity, task in (*own, *shared) if quantity > 0]
        for hour, count in rules.planned(hours, loads).items():
            plan[hour] += count
            if hour < named["since"] + LONGEST:
                people[key].due += count
    return made, plan


def _hours(
    made: dict[datetime, list[Decimal]], plan: dict[datetime, Decimal], now: datetime, zone: ZoneInfo
) -> tuple[HourRow, ...]:
    here = {hour.astimezone(zone): counts for hour, counts in made.items()}
    hours = sorted({*here, *(hour.astimezone(zone) for hour in plan)})
    most = max([*(counts[0] for counts in here.values()), *plan.values(), Decimal(1)])
    at = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    rows = []
    for hour in hours:
        good, bad = here.get(hour, (ZERO, ZERO))
        due = plan.get(hour, ZERO).quantize(Decimal(1))
        row = HourRow(f"{hour:%H}", due, good, bad, hour < at, hour == at)
        rows.append(replace(row, height=_tenths(good, most), plan_height=_tenths(due, most)))
    return tuple(rows)


def _tenths(count: Decimal, most: Decimal) -> int:
    """Give a height in twentieths of the highest, so that the style sheet can hold them all."""
    return max(0, min(20, round(20 * count / most)))


# --- approval -----------------------------------------------------------------------------------------------

_WAITING = f"""
    SELECT r.id, r.kind, r.quantity, coalesce(r.device_at, r.reported_at), w.number,
           i.code || ' ' || coalesce(nullif(w.part_name, ''), i.name),
           o.sequence || ' ' || {OPERATION_NAME}, coalesce(e.name, ''), r.labour_minutes, r.note,
           array(SELECT f.kind FROM production_reportflag f WHERE f.report_id = r.id AND f.state = 'open' ORDER BY 1),
           jsonb_array_length(r.people), w.id, o.needs_approval, count(*) OVER ()
    FROM production_reportapproval a JOIN production_report r ON r.id = a.id
    JOIN production_operation o ON o.id = a.operation_id JOIN production_workorder w ON w.id = a.work_order_id
    JOIN items_item i ON i.id = w.item_id LEFT JOIN people_employee e ON e.id = a.employee_id
    WHERE a.state = 'waiting' AND a.plant_id = ANY(%(plants)s::uuid[])
      AND {_within_reach("a.team_id")}
    ORDER BY a.at, a.id LIMIT %(most)s
"""


def waiting(
    ctx: Context, teams: Sequence[TeamFacts], chosen: Sequence[UUID]
) -> tuple[tuple[WaitingRow, ...], int]:
    """Give the reports of teams that wait for approval, the longest first, and how many there are. One statement."""
    rows = db.rows(_WAITING, _within(ctx, teams, chosen) | {"most": MOST_WAITING})
    return tuple(WaitingRow(*row[:10], tuple(row[10]), *row[11:14]) for row in rows), rows[0][-1] if rows else 0


def looks_after_others(ctx: Context) -> bool:
    """Say whether somebody also looks after people without a team."""
    return ctx.principal.reach(READ) in ("plant", "all")


def _within(ctx: Context, teams: Sequence[TeamFacts], chosen: Sequence[UUID]) -> dict[str, Any]:
    plants = sorted({team.plant for team in teams if team.id in chosen})
    return {"teams": list(chosen), "plants": plants, "others": looks_after_others(ctx), "english": in_english()}


# --- flags --------------------------------------------------------------------------------------------------

#: What an operation had taken, and what had come to it, when a report was booked.
_FLAGS = f"""
    WITH open AS (
        SELECT f.report_id, min(f.created_at) AS first,
               jsonb_agg(jsonb_build_array(f.id, f.kind, f.excess_quantity) ORDER BY f.created_at, f.id) AS flags,
               count(*) OVER () AS total
        FROM production_reportflag f {_TELLER}
        WHERE f.state = 'open' AND f.plant_id = ANY(%(plants)s::uuid[])
          AND {_within_reach(_TEAM)}
        GROUP BY 1 ORDER BY 2, 1 LIMIT %(most)s
    )
    SELECT r.id, x.flags::text, r.kind, r.quantity, coalesce(e.name, ''), coalesce(r.device_at, r.reported_at),
           r.clock_at, r.reported_at, r.note, w.number, w.id, o.id,
           i.code || ' ' || coalesce(nullif(w.part_name, ''), i.name),
           o.sequence || ' ' || {OPERATION_NAME}, w.state, w.closed_at, o.state, o.quantity, t.taken, t.arrived,
           coalesce((SELECT string_agg(l.number, ', ') FROM jsonb_array_elements(r.lots) u
                     JOIN inventory_lot l ON l.id = (u ->> 'lot')::uuid), ''),
           r.output_lot_id, coalesce(p.number, ''), coalesce(p.state IN ('held', 'rejected'), false),
           coalesce(a.state = 'waiting', false), a.id IS NOT NULL AND a.state <> 'undone', coalesce(u.kind, ''),
           coalesce(u.device_at, u.reported_at), o.good_quantity, o.is_stopped, o.sequence,
           coalesce(m.code, ''), coalesce(z.name, ''), coalesce(m.state, ''), m.state_since, coalesce(n.code, ''),
           coalesce(c.name, ''), coalesce(c.reporters, ''), coalesce(k.name, ''),
           coalesce((SELECT string_agg(CASE WHEN %(english)s AND y.name_en <> '' THEN y.name_en ELSE y.name END,
                                        ', ' ORDER BY y.code) FROM jsonb_array_elements(r.defects) u
                     JOIN production_defectreason y ON y.id = (u ->> 'reason')::uuid), ''),
           coalesce((SELECT string_agg(y.name, ', ' ORDER BY y.code) FROM jsonb_array_elements(r.people) u
                     JOIN people_employee y ON y.id = (u ->> 'employee')::uuid), ''),
           r.data::text, o.capture::text, x.total
    FROM open x JOIN production_report r ON r.id = x.report_id
    LEFT JOIN production_reportapproval a ON a.id = r.id LEFT JOIN production_report u ON u.id = r.reverses_id
    JOIN production_operation o ON o.id = r.operation_id JOIN production_workorder w ON w.id = r.work_order_id
    JOIN items_item i ON i.id = w.item_id LEFT JOIN people_employee e ON e.id = r.worker
    LEFT JOIN inventory_lot p ON p.id = r.output_lot_id
    LEFT JOIN equipment_machine m ON m.id = r.machine_id LEFT JOIN equipment_workcentre z ON z.id = m.work_centre_id
    LEFT JOIN equipment_machine n ON n.id = o.machine_id LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
    LEFT JOIN people_skill k ON k.id = coalesce(o.skill_id, c.skill_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(b.quantity) FILTER (WHERE b.operation_id = o.id
                        AND coalesce(v.kind, b.kind) IN ('good', 'scrap')), 0) AS taken,
               CASE WHEN o.predecessors = '' THEN NULL ELSE coalesce(
                    sum(b.quantity / q.report_ratio) FILTER (WHERE q.sequence =
                        (string_to_array(o.predecessors, ';'))[1]::int AND coalesce(v.kind, b.kind) = 'good'), 0)
                    * o.report_ratio END AS arrived
        FROM production_report b JOIN production_operation q ON q.id = b.operation_id
        LEFT JOIN production_report v ON v.id = b.reverses_id
        WHERE b.work_order_id = r.work_order_id AND b.reported_at < r.reported_at
    ) t
    ORDER BY x.first, r.id
"""

_KEPT = f"""
    SELECT k.id, k.said, k.kind, coalesce(e.name, u.name, ''), coalesce(d.name, ''), k.happened_at, k.clock_at,
           k.fault_zh, k.fault_en, coalesce(w.number, ''), coalesce(o.sequence || ' ' || {OPERATION_NAME}, ''),
           coalesce(w.state, ''), o.id, coalesce(x.state IN ('waiting', 'approved'), false),
           k.code = 'station.booked_flagged', count(*) OVER ()
    FROM station_keptact k LEFT JOIN people_employee e ON e.id = k.employee_id
    LEFT JOIN kernel_user u ON u.id = k.person_id LEFT JOIN station_device d ON d.id = k.device_id
    LEFT JOIN production_reportapproval x ON x.id = CASE
        WHEN k.kind = 'undo'
         AND k.body #>> '{{parts,0,reverses}}' ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'
        THEN (k.body #>> '{{parts,0,reverses}}')::uuid END
    LEFT JOIN production_operation o ON o.id = coalesce(k.operation_id, x.operation_id)
    LEFT JOIN production_workorder w ON w.id = o.work_order_id
    WHERE k.state = 'open' AND {_KEPT_HERE}
    ORDER BY k.happened_at, k.id LIMIT %(most)s
"""


def flags(ctx: Context, teams: Sequence[TeamFacts], chosen: Sequence[UUID]) -> tuple[tuple[FlagRow, ...], int]:
    """Give the reports with open flags, the oldest first, each with what the order said when it was booked, and how
    many there are.

    One statement, and one more for what comes after the operations whose pieces were taken back.
    """
    rows = db.rows(_FLAGS, _within(ctx, teams, chosen) | {"most": MOST_FLAGS})
    found = tuple(FlagRow(row[0], _flags_of(row[1]), *row[2:-3], *_measured(row)) for row in rows)
    return _with_users(found), rows[0][-1] if rows else 0


def _measured(row: Sequence[Any]) -> tuple[tuple[Measured, ...], tuple[Measured, ...]]:
    """Give what of a flagged report's data lies beyond its limits, and what is required and was not told.

    Takes:  row: of `_FLAGS`, which ends with what was told, what the operation asks for, and the count of all
    """
    kinds = {kind for _, kind, _ in _flags_of(row[1])}
    if not kinds & {"limits", "missing"}:
        return (), ()
    told, asked = orjson.loads(row[-3]), capture.read(orjson.loads(row[-2]))
    wrong = capture.beyond(asked, told) if "limits" in kinds else ()
    lacking = capture.missing(asked, told) if "missing" in kinds else ()
    return (
        tuple(Measured(one, str(told[one.name])) for one in asked if one.name in wrong),
        tuple(Measured(one) for one in asked if one.name in lacking),
    )


def _with_users(rows: Sequence[FlagRow]) -> tuple[FlagRow, ...]:
    """Say of pieces taken back what the next operations have used of those that come to them now."""
    orders = sorted({row.work_order for row in rows if row.is_undo})
    shop = read_shop(orders=orders)
    return tuple(replace(row, users=_users(shop, row)) if row.is_undo else row for row in rows)


def _users(shop: Shop, row: FlagRow) -> tuple[tuple[str, Decimal, Decimal], ...]:
    flows, ops = shop.flows(row.work_order), shop.by_order[row.work_order]
    return tuple(
        (
            str(ops[one].title), flows[one].taken,
            round_quantity(production.arrived(one, flows, ops[one].planned) * flows[one].ratio, ops[one].places),
        )
        for one in production.next_ones(row.sequence, flows)
    )  # fmt: skip


def _flags_of(text: str) -> tuple[tuple[UUID, str, Decimal], ...]:
    return tuple((UUID(key), kind, Decimal(str(excess))) for key, kind, excess in orjson.loads(text))


def kept_acts(ctx: Context, teams: Sequence[TeamFacts], chosen: Sequence[UUID]) -> tuple[tuple[KeptRow, ...], int]:
    """Give what stations told and waits for a leader, the oldest first, and how many there are. One statement."""
    rows = db.rows(_KEPT, _within(ctx, teams, chosen) | {"most": MOST_FLAGS})
    return tuple(KeptRow(*row[:-1]) for row in rows), rows[0][-1] if rows else 0


_TELLERS = f"SELECT DISTINCT {_TEAM} FROM production_reportflag f {_TELLER} WHERE f.id = ANY(%s::uuid[])"


def teams_of_flags(flags: Sequence[UUID]) -> set[UUID | None]:
    """Give the teams whose leaders look at some flags, None for people without one. One statement."""
    return {team for (team,) in db.rows(_TELLERS, [list(flags)])}


_ACTORS = """
    SELECT DISTINCT e.team_id FROM station_keptact k LEFT JOIN people_employee e ON e.id = k.employee_id
    WHERE k.id = ANY(%s::uuid[])
"""


def teams_of_acts(acts: Sequence[UUID]) -> set[UUID | None]:
    """Give the teams whose leaders look at acts that could not be booked. One statement."""
    return {team for (team,) in db.rows(_ACTORS, [list(acts)])}


_REPORT = f"""
    SELECT r.id, r.kind, r.quantity, w.number, o.sequence || ' ' || {OPERATION_NAME}, coalesce(e.name, ''), o.id, w.id
    FROM production_reportapproval a JOIN production_report r ON r.id = a.id
    JOIN production_operation o ON o.id = a.operation_id JOIN production_workorder w ON w.id = a.work_order_id
    LEFT JOIN people_employee e ON e.id = a.employee_id WHERE a.id = %(report)s
"""
_NEAR = f"""
    SELECT o.id, w.number || ' ' || o.sequence || ' ' || {OPERATION_NAME} FROM production_operation o
    JOIN production_workorder w ON w.id = o.work_order_id
    WHERE o.state <> 'skipped' AND (w.id = %(order)s::uuid OR w.state IN ('released', 'running')
      AND w.item_id = (SELECT item_id FROM production_workorder WHERE id = %(order)s::uuid)
      AND o.name = (SELECT name FROM production_operation WHERE id = %(operation)s::uuid))
    ORDER BY w.id <> %(order)s::uuid, w.number, o.sequence LIMIT 60
"""


def told(report: UUID) -> ToldRow | None:
    """Give a report that is to be put right, None where there is none. One statement."""
    row = db.one(_REPORT, {"report": report, "english": in_english()})
    return ToldRow(*row) if row else None


def near(row: ToldRow) -> list[tuple[UUID, str]]:
    """Give where a report may have been meant for: its order's operations, the same one of orders for the same
    item. One statement."""
    return db.rows(_NEAR, {"order": row.work_order, "operation": row.operation, "english": in_english()})


# --- one operation ------------------------------------------------------------------------------------------

_ONE = f"""
    SELECT NULL::uuid, NULL::uuid, NULL::uuid, NULL::numeric, o.machine_id,
           array(SELECT x.id FROM production_assignment x WHERE x.operation_id = o.id AND x.is_active ORDER BY x.id),
           {_CARD}
    FROM production_operation o {_JOINED} LEFT JOIN equipment_machine m ON m.id = o.machine_id
    WHERE o.id = %(operation)s::uuid
"""
_HANDS = """
    SELECT a.id, a.employee_id, a.team_id, a.quantity, a.machine_id FROM production_assignment a
    WHERE a.operation_id = %s AND a.is_active ORDER BY a.created_at, a.id
"""


def one_task(operation: UUID, day: date) -> TaskCard | None:
    """Give an operation as a card, None where there is none. One statement."""
    row = db.one(_ONE, {"operation": operation, "day": day, "english": in_english()})
    return _card(row) if row else None


def hands_of(operation: UUID) -> list[tuple[UUID, UUID | None, UUID | None, Decimal | None, UUID | None]]:
    """Give (assignment, employee, team, quantity, machine) of who does an operation. One statement."""
    return db.rows(_HANDS, [operation])
