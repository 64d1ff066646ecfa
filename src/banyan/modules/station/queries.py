"""What a station shows for a day: tasks with all that is needed at them, people, reasons, and what was done today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q

from banyan.kernel import db
from banyan.kernel.context import Context
from banyan.kernel.files import PICTURES
from banyan.kernel.models import Attachment
from banyan.lib.errors import NotFound
from banyan.lib.labels import plain
from banyan.modules.engineering import capture
from banyan.modules.equipment.queries import MachineFacts, machines_at, work_centres
from banyan.modules.inventory.kinds import FREE, USABLE
from banyan.modules.inventory.queries import stock_rows
from banyan.modules.people.models import Employee
from banyan.modules.people.queries import employees_by_id, team_members
from banyan.modules.production import queries as production
from banyan.modules.production import rules
from banyan.modules.production.commands.flow import OUTSIDER, read_shop
from banyan.modules.production.commands.reports import stops
from banyan.modules.production.models import WorkOrder
from banyan.modules.station.acts import further_day
from banyan.modules.wages.queries import piece_prices

ZERO = Decimal(0)
ORDER = "production.work_order"
#: Operations of a plant that a station knows besides a person's own tasks, so that any traveller can be scanned.
MOST_OTHERS = 300
#: Reports shown on a task card.
LAST_REPORTS = 3
#: Of one's own reports of the day, those that can be taken back from any device.
LAST_OWN = 5
#: Lots of a material, and drawings of an item, that a device knows without a network.
MOST_LOTS, MOST_DRAWINGS = 8, 6
DRAWN = (*PICTURES, "application/pdf")

_IS_OUTSIDER = OUTSIDER.format(employee="%(employee)s::uuid", day="%(day)s::date", at="%(now)s::timestamptz")
#: `outside` says who reports at the operation where the person is none of them.
_TASKS = f"""
    SELECT o.id, w.id, w.number, w.priority, w.due_on, w.quantity, i.code,
           coalesce(nullif(w.part_name, ''), i.name), i.specification,
           u.name, u.name_en, o.sequence, o.name, o.name_en, o.state, o.quantity, o.good_quantity, o.scrap_quantity,
           o.rework_quantity, o.started, o.places, o.report_ratio, o.instructions, nullif(o.capture::text, '[]'), i.id,
           i.tracking, o.machine_id, m.code, o.is_stopped, o.work_centre_id, c.name,
           nullif(w.kind = 'temporary', false), r.outside, CASE WHEN r.outside = 'skilled' THEN s.name END
    FROM production_operation o
    JOIN production_workorder w ON w.id = o.work_order_id
    JOIN items_item i ON i.id = w.item_id JOIN company_unit u ON u.id = i.unit_id
    LEFT JOIN equipment_machine m ON m.id = o.machine_id
    LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
    LEFT JOIN people_skill s ON s.id = coalesce(o.skill_id, c.skill_id)
    CROSS JOIN LATERAL (SELECT CASE WHEN {_IS_OUTSIDER} THEN c.reporters END AS outside) r
    WHERE o.id = ANY(%(mine)s) OR (
        o.id = ANY(%(also)s) AND w.plant_id = %(plant)s AND w.state IN ('released', 'running', 'completed')
    ) OR (
        w.plant_id = %(plant)s AND w.state IN ('released', 'running') AND o.state IN ('open', 'running')
        AND o.id = ANY(ARRAY(
            SELECT p.id FROM production_operation p JOIN production_workorder x ON x.id = p.work_order_id
            WHERE x.plant_id = %(plant)s AND x.state IN ('released', 'running') AND p.state IN ('open', 'running')
            ORDER BY x.due_on, x.id, p.sequence LIMIT %(most)s)))
    ORDER BY w.due_on, w.number, o.sequence
"""
_NAMES = (
    "id", "order", "number", "priority", "due_on", "order_quantity", "item", "item_name", "specification",
    "unit", "unit_en", "sequence", "name", "name_en", "state", "quantity", "good", "scrap",
    "rework", "started", "places", "ratio", "instructions", "capture", "item_id",
    "tracking", "machine", "machine_code", "stopped", "work_centre_id", "work_centre",
    "temporary", "outside", "skill",
)  # fmt: skip

#: Reasons in use, with the work centres where they are offered; none for everywhere.
_REASONS = """
    SELECT r.id, r.code, r.name, r.name_en, r.kind,
           ARRAY(SELECT c.work_centre_id FROM production_defectreasoncentre c
                 WHERE c.reason_id = r.id ORDER BY c.position)
    FROM production_defectreason r WHERE r.is_active ORDER BY r.code
"""

_MATERIALS = """
    SELECT m.id, m.work_order_id, m.operation, i.id, i.code, i.name, u.name, u.name_en, m.quantity,
           m.issued_quantity - m.returned_quantity, m.debt_quantity, m.is_backflushed, m.is_fixed, m.place, m.places,
           i.tracking
    FROM production_material m JOIN items_item i ON i.id = m.item_id JOIN company_unit u ON u.id = i.unit_id
    WHERE m.work_order_id = ANY(%s) ORDER BY m.work_order_id, m.position
"""

_LAST = """
    SELECT r.operation_id, r.kind, r.quantity, coalesce(r.device_at, r.reported_at), e.name
    FROM production_report r LEFT JOIN people_employee e ON e.id = r.worker
    WHERE r.work_order_id = ANY(%s) AND r.operation_id = ANY(%s) AND r.kind IN ('good', 'scrap', 'rework')
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    ORDER BY r.reported_at DESC LIMIT 300
"""

#: What somebody told in one go is one: good and bad pieces of an operation at one moment.
_OWN = """
    SELECT coalesce(r.device_at, r.reported_at), o.id, w.number, o.sequence, o.name, o.name_en,
           bool_or(a.state = 'approved'),
           jsonb_agg(jsonb_build_object('id', r.id, 'kind', r.kind, 'quantity', trim_scale(r.quantity)::text)
                     ORDER BY r.kind, r.id)::text
    FROM production_report r JOIN production_operation o ON o.id = r.operation_id
    JOIN production_workorder w ON w.id = r.work_order_id LEFT JOIN production_reportapproval a ON a.id = r.id
    WHERE r.people @> jsonb_build_array(jsonb_build_object('employee', %(employee)s::text)) AND r.day = %(day)s
      AND r.person = %(person)s AND r.kind IN ('good', 'scrap', 'rework')
      AND NOT EXISTS (SELECT 1 FROM production_report u WHERE u.reverses_id = r.id)
    GROUP BY 1, o.id, w.id ORDER BY 1 DESC LIMIT %(most)s
"""

#: The lot that an order's reports say they make, the latest.
_LOTS = """
    SELECT DISTINCT ON (r.work_order_id) r.work_order_id, l.number FROM production_report r
    JOIN inventory_lot l ON l.id = r.output_lot_id
    WHERE r.work_order_id = ANY(%s) AND r.output_lot_id IS NOT NULL
    ORDER BY r.work_order_id, r.reported_at DESC
"""

#: The last number of its own kind, NUMBER-n, that a serial number of an order bears.
_SERIALS = r"""
    SELECT w.id, coalesce(max(substring(l.number FROM '-(\d{1,6})$')::int), 0) FROM production_workorder w
    LEFT JOIN inventory_lot l ON l.origin = w.id AND l.number LIKE w.number || '-%%'
    WHERE w.id = ANY(%s) GROUP BY w.id
"""


def day(
    ctx: Context, on: date, also: Sequence[UUID] = (), machine: UUID | None = None
) -> dict[str, Any]:
    """Give all that a person needs at a station for a shift without a network. A fixed number of statements.

    Takes:  on: the plant's day whose pieces, time and wage count as today's; also: operations that were scanned;
            machine: the one at which the station stands
    Gives:  plain JSON; quantities as text; `mine` says which tasks are assigned to the person or the team
    """
    employee = ctx.principal.employee
    me = employees_by_id([employee]).get(employee) if employee else None
    mine = production.my_tasks(employee) if employee else ()
    tasks = _tasks(ctx, [task.operation for task in mine], on, also, machine)
    return {
        "person": _person(ctx, me),
        "day": on.isoformat(),
        "tasks": _ordered(tasks, [task.operation for task in mine]),
        "reasons": _reasons(),
        "people": _people(me),
        "today": today(ctx, on),
        "reported": _own_reports(ctx, on),
        **further_day(ctx),
    }


def _reasons() -> list[dict[str, Any]]:
    return [
        {"id": key, "code": code, "name": name, "name_en": name_en, "kind": kind, **({"centres": at} if at else {})}
        for key, code, name, name_en, kind, at in db.rows(_REASONS)
    ]


def _person(ctx: Context, me: Any) -> dict[str, Any]:
    who = ctx.principal
    return {
        "id": str(who.id),
        "name": me.name if me else who.name,
        "code": me.code if me else who.login,
        "employee": str(me.id) if me else None,
        "language": who.language,
        "may_report": who.may("production.work_order.report"),
        "may_use": who.may("production.work_order.use_material"),
    }


def _people(me: Any) -> list[dict[str, Any]]:
    """Give who may share a report: the team, else everybody of the plant."""
    if me is None:
        return []
    if me.team:
        found = team_members([me.team])[me.team]
        return [{"id": str(one.id), "code": one.code, "name": one.name} for one in found]
    rows = Employee.objects.filter(plant=me.plant, is_active=True).order_by("code")[:200]
    return [{"id": str(key), "code": code, "name": name} for key, code, name in rows.values_list("id", "code", "name")]


def _tasks(
    ctx: Context, mine: Sequence[UUID], on: date, also: Sequence[UUID], machine: UUID | None
) -> list[dict[str, Any]]:
    asked = {"mine": list(mine), "also": list(also), "plant": ctx.plant, "most": MOST_OTHERS}
    asked |= {"employee": ctx.principal.employee, "day": on, "now": ctx.now}
    tasks = [dict(zip(_NAMES, row, strict=True)) for row in db.rows(_TASKS, asked)]
    orders = sorted({task["order"] for task in tasks})
    shop = read_shop(orders=orders) if orders else None
    materials = _Materials(ctx.plant, orders, [task["work_centre_id"] for task in tasks if task["work_centre_id"]])
    last = _last(orders, [task["id"] for task in tasks])
    drawn = _drawings([task["item_id"] for task in tasks], orders)
    lots = dict(db.rows(_LOTS, [orders])) if orders else {}
    numbered = sorted({task["order"] for task in tasks if task["tracking"] == "serial"})
    serials = dict(db.rows(_SERIALS, [numbered])) if numbered else {}
    employee = ctx.principal.employee
    work = {task["id"]: (shop.ops[task["id"]].plant, task["item_id"], task["name"]) for task in tasks}
    rates = piece_prices(employee, on, work.values()) if employee and tasks else {}
    machines = production.machines_given(employee, [task["id"] for task in tasks]) if employee and tasks else {}
    why = stops(ctx, halted) if (halted := [task["id"] for task in tasks if task["stopped"]]) else {}
    standing = machines_at(sorted({task["work_centre_id"] for task in tasks if task["work_centre_id"]}))
    for task in tasks:
        op = shop.ops[task["id"]]
        here = standing.get(task["work_centre_id"], ())
        given = machines.get(task["id"], (task["machine"], task["machine_code"]))
        own = next(((one.id, one.code) for one in here if one.id == machine), None)
        task["machine"], task["machine_code"] = own or given
        task["machines"] = _choice(here)
        ops = [sequence for sequence, one in shop.by_order[task["order"]].items() if one.state != "skipped"]
        task["run_minutes"] = op.run_minutes
        task["rate"] = rates.get(work[task["id"]], ZERO)
        task["room"] = max(ZERO, rules.room(task["sequence"], shop.flows(task["order"]), op.planned, op.tolerance))
        task["is_last"] = task["sequence"] == max(ops, default=0)
        task["serials"] = serials.get(task["order"]) if task["is_last"] else None
        task["lot"] = lots.get(task["order"], task["number"]) if task["tracking"] == "lot" else ""
        task["capture"] = capture.as_json(capture.read(orjson.loads(task["capture"]))) if task["capture"] else []
        is_first = task["sequence"] == min(shop.by_order[task["order"]])
        task["materials"] = materials.of(task, is_first=is_first)
        task["why_stopped"] = str(why.get(task["id"], ""))
        task["last"], task["drawings"] = last.get(task["id"], []), _shown(task, drawn)
    return [_plain(task) for task in tasks]


def _choice(here: Sequence[MachineFacts]) -> list[dict[str, Any]] | None:
    """Give the machines of a work centre to choose from, None where there is no choice; a state only if not running."""
    if len(here) < 2:
        return None
    states = [{"state": one.state} if one.state != "running" else {} for one in here]
    return [{"id": str(one.id), "code": one.code, **state} for one, state in zip(here, states, strict=True)]


def _plain(task: dict[str, Any]) -> dict[str, Any]:
    """Give a task as the device reads it: figures as text, what is empty left out but for its lists."""
    told = {key: plain(value) if isinstance(value, Decimal) else value for key, value in task.items()}
    told["due_on"] = task["due_on"].isoformat()
    return {key: value for key, value in told.items() if value not in (None, "")}


class _Materials:
    """What operations use: of each line how much, what of it is there for them, in which lots. Four statements."""

    def __init__(self, plant: UUID | None, orders: Sequence[UUID], centres: Sequence[UUID]) -> None:
        self.lines: dict[UUID, list[tuple]] = defaultdict(list)
        for row in db.rows(_MATERIALS, [list(orders)]):
            self.lines[row[1]].append(row)
        lines = [row for rows in self.lines.values() for row in rows]
        self.sides = {key: one.line_side for key, one in work_centres(centres).items()} if centres else {}
        self.stock: dict[UUID, list[Any]] = defaultdict(list)
        for row in stock_rows(plant, sorted({row[3] for row in lines})) if lines and plant else ():
            if row.owner is None and row.kind in USABLE:
                self.stock[row.item].append(row)
        held = production.material_held([row[0] for row in lines], orders) if lines else {}
        self.held: dict[UUID, list[tuple[UUID, Decimal]]] = defaultdict(list)
        for (material, lot), (quantity, _) in held.items():
            if lot and quantity > 0:
                self.held[material].append((lot, quantity))
        self.lots = production.lots_by_id([lot for several in self.held.values() for lot, _ in several])

    def of(self, task: dict[str, Any], *, is_first: bool) -> list[dict[str, Any]]:
        """Give the lines of a task; a line that names no operation is the first one's."""
        side = self.sides.get(task["work_centre_id"])
        return [
            self._line(row, side) for row in self.lines[task["order"]]
            if row[2] == task["sequence"] or (row[2] is None and is_first)
        ]  # fmt: skip

    def _line(self, row: tuple, side: UUID | None) -> dict[str, Any]:
        (key, _, _, item_id, code, name, unit, unit_en, needed, issued, debt, flushed, is_fixed, place, places,
         tracking) = row  # fmt: skip
        rows = [one for one in self.stock[item_id] if one.location == side or one.kind in FREE]
        at_side = sum((one.on_hand for one in rows if one.location == side), ZERO)
        if flushed:
            rows.sort(key=lambda one: one.location != side)
            lots = [
                {"id": str(one.lot), "number": one.lot_number, "state": one.lot_state, "quantity": plain(one.on_hand),
                 "at": one.location_code, **_until(one.expires_on)}
                for one in rows if one.lot
            ]  # fmt: skip
        else:
            lots = [
                {"id": str(lot), "number": self.lots[lot].number, "state": self.lots[lot].state,
                 "quantity": plain(quantity), "at": "", **_until(self.lots[lot].expires_on)}
                for lot, quantity in self.held[key]
            ]  # fmt: skip
        return {
            "item_id": str(item_id), "item": code, "name": name, "unit": unit, "unit_en": unit_en,
            "needed": plain(needed), "issued": plain(issued), "owed": plain(debt), "flushed": flushed,
            "fixed": is_fixed, "place": place, "places": places, "tracking": tracking,
            "there": plain(at_side if flushed else issued), "lots": lots[:MOST_LOTS],
        }  # fmt: skip


def _until(expires_on: date | None) -> dict[str, str]:
    """Give the last day on which a lot may be used, where it has one."""
    return {"expires": expires_on.isoformat()} if expires_on else {}


#: What a station shows: pictures and papers of items, pictures of orders.
_SHOWN = Q(noun="items.item", file__media_type__in=DRAWN) | Q(noun=ORDER, file__media_type__in=PICTURES)


def _drawings(items: Sequence[UUID], orders: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """Give what hangs on items and orders and is shown, newest first. One statement."""
    rows = Attachment.objects.filter(_SHOWN, record__in={*items, *orders})
    found = defaultdict(list)
    for key, record, name, kind, has_small in rows.order_by("-created_at").values_list(
        "id", "record", "name", "file__media_type", "file__has_thumbnail"
    ):
        if len(found[record]) < MOST_DRAWINGS:
            found[record].append({"id": str(key), "name": name, "type": kind, "small": has_small})
    return found


def _shown(task: dict[str, Any], drawn: dict[UUID, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Give the pictures of the order itself, then those of what it makes."""
    return [*drawn.get(task["order"], ()), *drawn.get(task["item_id"], ())][:MOST_DRAWINGS]


def drawing(ctx: Context, key: UUID) -> Attachment:
    """Give what a station shows of an item, or of an order of its plant. Raises: NotFound for anything else"""
    found = Attachment.objects.filter(_SHOWN, pk=key).select_related("file").first()
    is_order = found is not None and found.noun == ORDER
    if found is None or (is_order and not WorkOrder.objects.filter(pk=found.record, plant=ctx.plant).exists()):
        raise NotFound
    return found


def _last(orders: Sequence[UUID], operations: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found = defaultdict(list)
    for operation, kind, quantity, at, name in db.rows(_LAST, [list(orders), list(operations)]):
        if len(found[operation]) < LAST_REPORTS:
            line = {"kind": kind, "quantity": plain(quantity), "at": at.isoformat(), "who": name or ""}
            found[operation].append(line)
    return found


def _own_reports(ctx: Context, on: date) -> list[dict[str, Any]]:
    """Give what somebody told last on a day and has not taken back, on whatever device. One statement."""
    who = ctx.principal
    if who.employee is None:
        return []
    rows = db.rows(_OWN, {"employee": who.employee, "day": on, "person": who.id, "most": LAST_OWN})
    return [
        {
            "at": at.isoformat(), "operation": str(operation), "number": number, "sequence": sequence, "name": name,
            "name_en": name_en, "approved": bool(approved), "parts": orjson.loads(parts),
        }
        for at, operation, number, sequence, name, name_en, approved, parts in rows
    ]  # fmt: skip


def _ordered(tasks: list[dict[str, Any]], mine: Sequence[UUID]) -> list[dict[str, Any]]:
    """Give a person's own tasks first, in the order they are to be done, then the others."""
    places = {key: place for place, key in enumerate(mine)}
    for task in tasks:
        task["mine"] = task["id"] in places
    return sorted(tasks, key=lambda task: (places.get(task["id"], len(places)), task["due_on"], task["number"]))


def today(ctx: Context, on: date) -> dict[str, Any]:
    """Give what a person did on a day: pieces, minutes, what they earned, and by operation. Two statements."""
    return todays([ctx.principal.employee], on)[ctx.principal.employee]


def todays(employees: Sequence[UUID | None], on: date) -> dict[UUID | None, dict[str, Any]]:
    """Give what people did on a day, as `today` does of one; nothing for who is no employee. Two statements."""
    asked = sorted({one for one in employees if one})
    done = production.works_of(asked, on) if asked else {}
    earned = production.earned_by(asked, on) if asked else {}
    return {one: _sums(done.get(one, ()), earned.get(one, {})) for one in employees}


def _sums(done: Sequence[Any], earned: dict[tuple[UUID, str], Decimal]) -> dict[str, Any]:
    return {
        "good": plain(sum((one.quantity for one in done if one.kind == "good"), ZERO)),
        "bad": plain(sum((one.quantity for one in done if one.kind != "good"), ZERO)),
        "minutes": plain(round(sum((one.minutes for one in done), ZERO), 0)),
        "wage": f"{sum(earned.values(), ZERO):.2f}",
        "share": f"{sum((v for (_, kind), v in earned.items() if kind == 'share'), ZERO):.2f}",
        "lines": [
            {
                "number": one.number, "operation": f"{one.sequence} {one.name}", "kind": one.kind,
                "quantity": plain(one.quantity), "wage": f"{earned.get((one.operation, one.kind), ZERO):.2f}",
            }
            for one in done
        ],
    }  # fmt: skip
