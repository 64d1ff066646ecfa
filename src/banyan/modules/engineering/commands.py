"""Releasing revisions, making new ones, and making rolled-up costs the standard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from banyan.kernel import db
from banyan.kernel.commands import command, save, tell
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.models import Line
from banyan.kernel.nouns import Draft
from banyan.kernel.schema import Day, Input, Text, field
from banyan.lib.graph import find_cycle
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.company import queries as company
from banyan.modules.engineering import capture, queries, rules
from banyan.modules.engineering.errors import (
    EndsBeforeItBegins,
    NothingInside,
    ReleasedTwice,
    StructureLoop,
    WrongPredecessors,
)
from banyan.modules.engineering.events import BomReleased, RoutingReleased
from banyan.modules.engineering.models import (
    Bom,
    BomLine,
    BomOutput,
    Revision,
    Routing,
    RoutingOperation,
)
from banyan.modules.engineering.rules import Window
from banyan.modules.engineering.values import CostBreakdown, CostRow
from banyan.modules.items import commands as items_commands
from banyan.modules.items import queries as items

_RELEASES = 0x45424F4D  # "EBOM": structures are released one at a time, so that two never close a circle


class Release(Input):
    effective_from: Day | None = field("生效日期", "Effective from", None, help=L("空为今天", "Empty: today"))


class NewRevision(Input):
    revision: Annotated[Text, Field(max_length=20)] | None = field("版本号", "Revision", None)


# --- release ------------------------------------------------------------------------------------------------


@command(
    "engineering.bom.release",
    L("发布", "Release"),
    input=Release,
    icon="rocket",
    tone="green",
    is_primary=True,
)
def release_boms(ctx: Context, boms: Sequence[Bom], data: Release) -> None:
    """Let BOM revisions count from a day on; the earlier ones count up to it.

    Raises: NothingInside without lines; StructureLoop with the path; ReleasedTwice for two of one item
    Writes: the earlier revisions; tells BomReleased
    """
    lines = list(BomLine.objects.filter(bom__in=boms).values_list("bom_id", "component_id"))
    _require_content(boms, {bom for bom, _ in lines})
    db.rows("SELECT pg_advisory_xact_lock(%s)", [_RELEASES])
    parents = {bom.pk: bom.item_id for bom in boms}
    refuse_loops([(parents[bom], component) for bom, component in lines], ctx.now.date())
    superseded = _take_effect(ctx, boms, data.effective_from)
    tell(*(
        BomReleased(b.pk, b.item_id, b.plant_id, b.revision, b.effective_from, superseded[b.pk]) for b in boms
    ))  # fmt: skip


@command(
    "engineering.routing.release", L("发布", "Release"), input=Release, icon="rocket", tone="green",
    is_primary=True,
)  # fmt: skip
def release_routings(ctx: Context, routings: Sequence[Routing], data: Release) -> None:
    """Let routing revisions count from a day on; the earlier ones count up to it.

    Raises: NothingInside without operations; WrongPredecessors; ReleasedTwice for two of one item
    Writes: the earlier revisions; tells RoutingReleased
    """
    rows = RoutingOperation.objects.filter(routing__in=routings)
    operations = list(rows.values_list("routing_id", "sequence", "predecessors"))
    _require_content(routings, {routing for routing, *_ in operations})
    for routing in routings:
        _check_links(routing, {s: links for key, s, links in operations if key == routing.pk})
    superseded = _take_effect(ctx, routings, data.effective_from)
    tell(*(
        RoutingReleased(r.pk, r.item_id, r.plant_id, r.revision, r.effective_from, superseded[r.pk])
        for r in routings
    ))  # fmt: skip


def _require_content(revisions: Sequence[Revision], filled: set[UUID]) -> None:
    codes = _codes([one.item_id for one in revisions])
    for one in revisions:
        if one.pk not in filled:
            raise NothingInside(item=codes[one.item_id], revision=one.revision)
    twice = [key for key, n in Counter((r.item_id, r.plant_id) for r in revisions).items() if n > 1]
    if twice:
        raise ReleasedTwice(item=codes[twice[0][0]])


def _take_effect(
    ctx: Context, revisions: Sequence[Revision], wanted: date | None
) -> dict[UUID, tuple[UUID, ...]]:
    """Set the days on which revisions count, and cut the earlier ones short.

    Takes:  wanted: the first day for all of them; None: what each draft says, else today
    Gives:  by revision those it supersedes
    """
    model = type(revisions[0])
    today = company.plant_day(ctx.plant or company.default_plant().id, ctx.now)
    others = _others(model, revisions)
    superseded: dict[UUID, tuple[UUID, ...]] = {}
    changed: list[Revision] = []
    for one in revisions:
        starts_on = wanted or one.effective_from or today
        if one.effective_to is not None and one.effective_to <= starts_on:
            raise EndsBeforeItBegins(effective_from=starts_on, effective_to=one.effective_to)
        same = {o.pk: o for o in others.get((one.item_id, one.plant_id), ())}
        fitted, cut = rules.fit_window(
            Window(one.pk, starts_on, one.effective_to),
            [Window(o.pk, o.effective_from, o.effective_to) for o in same.values()],
        )
        one.effective_from, one.effective_to = fitted.starts_on, fitted.ends_on
        for window in cut:
            same[window.key].state, same[window.key].effective_to = "superseded", window.ends_on
            changed.append(same[window.key])
        superseded[one.pk] = tuple(window.key for window in cut)
    if changed:
        save(ctx, changed)
    return superseded


def _others(
    model: type[Revision], revisions: Sequence[Revision]
) -> dict[tuple[UUID, UUID | None], list[Revision]]:
    """Lock the released revisions of the same items and give them by item and plant."""
    keys = model.objects.filter(item__in=[r.item_id for r in revisions]).exclude(state="draft")
    found: dict[tuple[UUID, UUID | None], list[Revision]] = {}
    for one in lock(model, keys.values_list("pk", flat=True)).values():
        found.setdefault((one.item_id, one.plant_id), []).append(one)
    return found


_BELOW = """
    WITH RECURSIVE below (item, component) AS (
        SELECT b.item_id, l.component_id FROM engineering_bom b JOIN engineering_bomline l ON l.bom_id = b.id
        WHERE b.item_id = ANY(%(items)s) AND b.state <> 'draft'
          AND (b.effective_to IS NULL OR b.effective_to > greatest(b.effective_from, %(on)s))
        UNION
        SELECT b.item_id, l.component_id FROM below d JOIN engineering_bom b ON b.item_id = d.component
        JOIN engineering_bomline l ON l.bom_id = b.id
        WHERE b.state <> 'draft'
          AND (b.effective_to IS NULL OR b.effective_to > greatest(b.effective_from, %(on)s))
    )
    SELECT item, component FROM below
"""


def refuse_loops(edges: Sequence[tuple[UUID, UUID]], today: date) -> None:
    """Refuse new edges (item, component) that close a circle with what is released, in any plant.

    Takes:  today: revisions that have ceased to count by then close no circle

    Raises: StructureLoop with the codes along the circle
    """
    below = db.rows(_BELOW, {"items": list({c for _, c in edges}), "on": today})
    circle = find_cycle((*edges, *below))
    if circle:
        codes = _codes(circle)
        raise StructureLoop(path=" → ".join(codes[one] for one in circle))


def _codes(ids: Sequence[UUID]) -> dict[UUID, str]:
    return {key: one.code for key, one in items.items_by_id(ids).items()}


def _check_links(routing: Routing, written: dict[int, str]) -> None:
    try:
        links = {sequence: rules.parse_predecessors(text) for sequence, text in written.items()}
    except ValueError:
        wrong = next((s, text) for s, text in written.items() if not _is_readable(text))
    else:
        found = rules.wrong_predecessors(links)
        if not found:
            return
        wrong = next((s, ";".join(str(p) for p in before)) for s, before in found.items())
    code = _codes([routing.item_id])[routing.item_id]
    raise WrongPredecessors(item=code, operation=wrong[0], predecessors=wrong[1])


def _is_readable(text: str) -> bool:
    try:
        rules.parse_predecessors(text)
    except ValueError:
        return False
    return True


# --- new revisions ------------------------------------------------------------------------------------------


@command(
    "engineering.bom.new_revision",
    L("新版本", "New revision"),
    input=NewRevision,
    icon="copy-plus",
    creates=True,
    bumps=False,
)
def new_bom_revisions(ctx: Context, boms: Sequence[Bom], data: NewRevision) -> tuple[Bom, ...]:
    """Make a draft of each revision, its lines copied word for word. Writes: revisions with their lines."""
    made = _copy(ctx, boms, data.revision)
    _copy_lines(BomLine, "bom_id", made)
    _copy_lines(BomOutput, "bom_id", made)
    return tuple(made.values())


@command(
    "engineering.routing.new_revision", L("新版本", "New revision"), input=NewRevision, icon="copy-plus",
    creates=True, bumps=False,
)  # fmt: skip
def new_routing_revisions(
    ctx: Context, routings: Sequence[Routing], data: NewRevision
) -> tuple[Routing, ...]:
    """Make a draft of each revision, its operations copied word for word. Writes: revisions."""
    made = _copy(ctx, routings, data.revision)
    _copy_lines(RoutingOperation, "routing_id", made)
    return tuple(made.values())


def _copy(ctx: Context, revisions: Sequence[Revision], code: str | None) -> dict[UUID, Revision]:
    """Make the drafts, by the key of what they are made from."""
    model = type(revisions[0])
    used = set(
        model.objects.filter(item__in=[r.item_id for r in revisions]).values_list("item", "plant", "revision")
    )
    made: dict[UUID, Revision] = {}
    for one in revisions:
        wanted = code or rules.next_revision(one.revision)
        while code is None and (one.item_id, one.plant_id, wanted) in used:
            wanted = rules.next_revision(wanted)
        used.add((one.item_id, one.plant_id, wanted))
        values = {f.attname: getattr(one, f.attname) for f in model._meta.concrete_fields}
        values |= {
            "id": new_id(), "version": 1, "revision": wanted, "state": "draft", "effective_from": None,
            "effective_to": None, "created_at": ctx.now, "changed_at": ctx.now, "created_by_id": ctx.person,
            "changed_by_id": ctx.person,
        }  # fmt: skip
        made[one.pk] = model(**values)
    model.objects.bulk_create(made.values())
    return made


def _copy_lines(model: type[Line], parent: str, made: dict[UUID, Revision]) -> None:
    copies = []
    for line in model.objects.filter(**{f"{parent}__in": list(made)}).order_by("position"):
        setattr(line, parent, made[getattr(line, parent)].pk)
        line.pk = new_id()
        copies.append(line)
    model.objects.bulk_create(copies, batch_size=2000)


# --- cost ---------------------------------------------------------------------------------------------------


class RollUp(Input):
    plant: UUID | None = field("工厂", "Plant", None, reference="company.plant")
    on: Day | None = field("日期", "On", None, help=L("空为今天", "Empty: today"))
    items: list[UUID] = field(
        "物料", "Items", default_factory=list, reference="items.item", help=L("空为全部", "Empty: all")
    )


@command(
    "engineering.bom.roll_up", L("更新标准成本", "Update standard costs"), input=RollUp, on="noun",
    icon="calculator",
    help=L("按结构卷积成本，存为标准成本", "Rolls costs up and makes them the standard"),
)  # fmt: skip
def roll_up_costs(ctx: Context, data: RollUp) -> tuple[CostRow, ...]:
    """Make what items with a BOM cost by their structure their standard cost at the plant.

    Takes:  items: those, with all below them; none named: all with a BOM
    Gives:  by code, also those whose cost is not complete and so not stored
    Writes: items.item_plant
    """
    plant = data.plant or ctx.plant or company.default_plant().id
    on = data.on or company.plant_day(plant, ctx.now)
    costs = queries.standard_costs(plant, data.items or None, on)
    made = set(queries.released_boms(list(costs), on, plant))
    items_commands.set_standard_costs(
        ctx, plant, {item: costs[item].total for item in made if costs[item].is_complete}
    )
    named = items.items_by_id(list(costs))
    return tuple(sorted((_cost_row(i, costs[i], named) for i in made), key=lambda row: row.code))


def _cost_row(item: UUID, cost: CostBreakdown, named: Mapping[UUID, items.ItemFacts]) -> CostRow:
    return CostRow(
        named[item].code, named[item].name, cost.material, cost.labour, cost.machine, cost.overhead,
        cost.subcontract, cost.total, tuple(sorted(named[one].code for one in cost.missing)), item,
    )  # fmt: skip


# --- drafts -------------------------------------------------------------------------------------------------


def prepare_boms(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse what no draft may say. Raises: StructureLoop for an item among its own components."""
    for draft in drafts:
        if any(line.component_id == draft.record.item_id for line in draft.lines.get("lines", ())):
            code = _codes([draft.record.item_id])[draft.record.item_id]
            raise StructureLoop(path=f"{code} → {code}")


def prepare_routings(ctx: Context, drafts: Sequence[Draft]) -> None:
    """Refuse what no draft may say. Raises: WrongPredecessors, Invalid for data that cannot be captured."""
    for draft in drafts:
        written = {o.sequence: o.predecessors for o in draft.lines.get("operations", ())}
        _check_links(draft.record, written)
        for operation in draft.lines.get("operations", ()):
            operation.data = capture.as_json(capture.checked(operation.data))
