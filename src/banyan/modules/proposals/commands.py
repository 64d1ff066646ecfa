"""What engineering does with a proposal: decide line by line, make drafts of what was accepted, or reject it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from banyan.kernel import db, registry
from banyan.kernel.commands import command, execute, tell
from banyan.kernel.context import Context
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Input, Quantity, Text, field
from banyan.lib.errors import Invalid
from banyan.lib.labels import L
from banyan.lib.quantity import PLACES, round_quantity
from banyan.modules.engineering import commands as engineering
from banyan.modules.engineering.models import Bom, BomLine, Routing, RoutingOperation
from banyan.modules.equipment.queries import work_centres
from banyan.modules.items.models import Item
from banyan.modules.items.queries import items_by_code, items_by_id
from banyan.modules.production.models import WorkOrder
from banyan.modules.proposals import rules
from banyan.modules.proposals.errors import (
    CentreNeeded,
    CodeTaken,
    ItemNeeded,
    LineUnknown,
    NotDecided,
    NothingAccepted,
    NumberTaken,
    ReasonNeeded,
)
from banyan.modules.proposals.events import ProposalApplied
from banyan.modules.proposals.models import Proposal, ProposalLine

ZERO = Decimal(0)
TAKEN = ("accepted", "edited")
DECIDE = [
    choice("accepted", "接受", "Accept", "green"),
    choice("rejected", "拒绝", "Reject", "red"),
]


class LineDecision(Input):
    """What becomes of a line; what is told instead of what is proposed edits it."""

    line: UUID = field("行", "Line")
    decision: Literal["accepted", "rejected"] = field("决定", "Decision", choices=DECIDE)
    quantity: Annotated[Quantity, Field(ge=0)] | None = field(
        "每件用量或分钟", "Per piece, or minutes", None, help=L("空为建议的", "Empty: as proposed")
    )
    sequence: Annotated[int, Field(ge=1, le=9_999, strict=True)] | None = field(
        "工序号", "Sequence", None, help=L("空为建议的", "Empty: as proposed")
    )
    work_centre: UUID | None = field("工作中心", "Work centre", None, reference="equipment.work_centre")
    code: Annotated[Text, Field(max_length=40)] = field("物料编码", "Item code", "")
    name: Annotated[Text, Field(max_length=160)] = field("名称", "Name", "")
    reason: Annotated[Text, Field(max_length=255)] = field("原因", "Reason", "")


class Decide(Input):
    lines: Annotated[list[LineDecision], Field(min_length=1, max_length=500)] = field("明细", "Lines")


class Why(Input):
    reason: Annotated[Text, Field(min_length=1, max_length=255)] = field("原因", "Reason")


@command(
    "proposals.proposal.decide", L("逐行决定", "Decide line by line"), input=Decide, icon="list-check",
    help=L("接受、改后接受或拒绝每一行", "Accept, edit or reject each line"),
)  # fmt: skip
def decide_lines(ctx: Context, proposals: Sequence[Proposal], data: Decide) -> None:
    """Accept, edit or reject lines of proposals; until it is applied a line may be decided again.

    Raises: LineUnknown; ReasonNeeded for a rejected line; Invalid for a work centre that does not exist
    Writes: the lines
    """
    lines = {line.pk: line for line in ProposalLine.objects.filter(proposal__in=proposals)}
    centres = {one.work_centre for one in data.lines if one.work_centre}
    known = work_centres(sorted(centres)) if centres else {}
    for place, one in enumerate(data.lines):
        line = lines.get(one.line)
        if line is None:
            raise LineUnknown(fields={f"lines.{place}.line": L("不属于该建议", "not of this proposal")})
        if one.decision == "rejected" and not one.reason:
            raise ReasonNeeded(fields={f"lines.{place}.reason": L("请写原因", "say why")})
        if one.work_centre and one.work_centre not in known:
            raise Invalid(fields={f"lines.{place}.work_centre": L("没有此工作中心", "no such work centre")})
        if one.decision == "accepted" and line.part != "item" and one.quantity == 0 and line.change != "unused":
            raise Invalid(fields={f"lines.{place}.quantity": L("须大于零", "must be above zero")})
        line.reason = one.reason
        is_edited = one.decision == "accepted" and _edit(line, one)
        line.decision = "edited" if is_edited else one.decision
    db.update_rows(
        [lines[one.line] for one in data.lines],
        ["decision", "reason", "quantity", "sequence", "work_centre_id", "code", "name"],
    )


def _edit(line: ProposalLine, told: LineDecision) -> bool:
    """Take over what was told instead of what was proposed; say whether anything was."""
    before = (line.quantity, line.sequence, line.work_centre_id, line.code, line.name)
    if told.quantity is not None and line.part != "item" and line.change != "unused":
        line.quantity = told.quantity
    if told.sequence and line.part == "routing" and line.change != "unused":
        line.sequence = told.sequence
    if told.work_centre and line.part == "routing":
        line.work_centre_id = told.work_centre
    if told.code and line.part == "item":
        line.code = told.code
    if told.name and line.part != "bom":
        line.name = told.name
    return before != (line.quantity, line.sequence, line.work_centre_id, line.code, line.name)


@command(
    "proposals.proposal.reject", L("拒绝", "Reject"), input=Why, icon="x", tone="red",
    confirm=L("拒绝整个建议？", "Reject the whole proposal?"),
)  # fmt: skip
def reject_proposals(ctx: Context, proposals: Sequence[Proposal], data: Why) -> None:
    """Say that nothing follows from proposals, and why. Writes: the proposals; lines still open are rejected."""
    for one in proposals:
        one.reason = data.reason
    open_lines = ProposalLine.objects.filter(proposal__in=proposals, decision="open")
    open_lines.update(decision="rejected", reason=data.reason)


@command(
    "proposals.proposal.apply", L("生成工程草稿", "Make drafts"), icon="file-plus", tone="green", is_primary=True,
    help=L("把接受的行变成物料、物料清单和工艺路线的草稿", "Accepted lines become a draft item, BOM and routing"),
)  # fmt: skip
def apply_proposals(ctx: Context, proposals: Sequence[Proposal]) -> None:
    """Make draft engineering records of the accepted lines; nothing is released by it.

    Raises: NotDecided, NothingAccepted, ItemNeeded, CentreNeeded, NumberTaken, CodeTaken; what engineering refuses
    Writes: an item, a BOM and a routing revision in draft, by engineering's commands; tells ProposalApplied
    """
    routings: list[tuple[Proposal, list[ProposalLine]]] = []
    for one in proposals:
        lines = list(ProposalLine.objects.filter(proposal=one).order_by("position"))
        left = sum(line.decision == "open" for line in lines)
        if left:
            raise NotDecided(number=one.number, count=left)
        taken = [line for line in lines if line.decision in TAKEN]
        if not any(line.change != "same" or line.decision == "edited" for line in taken):
            raise NothingAccepted(number=one.number)
        one.made_item_id = one.item_id or _make_item(ctx, one, taken)
        bom_lines = [line for line in taken if line.part == "bom"]
        steps = [line for line in taken if line.part == "routing"]
        one.made_bom_id = _make_bom(ctx, one, one.made_item_id, bom_lines, _renumbered(steps))
        routings.append((one, steps))
    for one, lines in routings:
        one.made_routing_id = _make_routing(ctx, one, one.made_item_id, lines)
        tell(
            ProposalApplied(record=one.pk, item=one.made_item_id, bom=one.made_bom_id, routing=one.made_routing_id)
        )


def _make_item(ctx: Context, proposal: Proposal, taken: Sequence[ProposalLine]) -> UUID:
    line = next((line for line in taken if line.part == "item"), None)
    if line is None:
        raise ItemNeeded(part=proposal.part_name)
    if items_by_code([line.code]):
        raise CodeTaken(code=line.code)
    stood_on = WorkOrder.objects.filter(pk=proposal.work_order_id).values_list("item_id", flat=True).first()
    record = {"code": line.code, "name": line.name, "kind": "made", "unit": items_by_id([stood_on])[stood_on].unit_id}
    made: tuple[Item, ...] = execute(ctx, registry.command("items.item.create"), data={"records": [record]}).value
    return made[0].pk


def _changes(lines: Sequence[ProposalLine]) -> bool:
    return any(line.change != "same" or line.decision == "edited" for line in lines)


def _renumbered(taken: Sequence[ProposalLine]) -> dict[int, int]:
    """Give the new numbers of the operations that get another one."""
    known = {line.released_sequence: line.sequence for line in taken if line.change != "unused"}
    return {was: number for was, number in known.items() if was not in (None, number)}


def _make_bom(
    ctx: Context, proposal: Proposal, item: UUID, taken: Sequence[ProposalLine], renumbered: dict[int, int]
) -> UUID | None:
    """Make a draft BOM: the released one with the accepted changes, else a first one of the accepted lines.

    A line names the operation that uses it: where that gets another number, a draft says so.
    """
    is_led_astray = BomLine.objects.filter(bom=proposal.base_bom_id, operation__in=renumbered).exists()
    if not _changes(taken) and not is_led_astray:
        return None
    if proposal.base_bom_id:
        made: Bom = engineering.new_bom_revisions(ctx, [proposal.base_bom_id], {})[0]
        olds = list(BomLine.objects.filter(bom=made).order_by("position"))
        gone = {line.component_id for line in taken if line.change == "unused"}
        factors = _factors(olds, taken, made.base_quantity, proposal.quantity)
        kept = [
            _bom_row(old, factors.get(old.component_id)) | {"operation": renumbered.get(old.operation, old.operation)}
            for old in olds if old.component_id not in gone
        ]  # fmt: skip
        there = {old.component_id for old in olds}
        further = [ln for ln in taken if _changes([ln]) and ln.component_id not in there | gone]
        kept += [_bom_new(line, made.base_quantity) for line in further]
        execute(ctx, registry.command("engineering.bom.change"), ids=[made.pk], data={"lines": kept})
        return made.pk
    record = {
        "item": item, "plant": proposal.plant_id, "note": proposal.number, "revision": _code(Bom, item),
        "lines": [_bom_new(line, Decimal(1)) for line in taken],
    }  # fmt: skip
    return execute(ctx, registry.command("engineering.bom.create"), data={"records": [record]}).value[0].pk


def _factors(
    olds: Sequence[BomLine], taken: Sequence[ProposalLine], base: Decimal, pieces: Decimal
) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Give by component what a piece is to take of it, and what it takes by all its released lines together.

    So lines of one component share a change in proportion, allowances stay, and what is fixed per order stays so.
    """
    needs: dict[UUID, Decimal] = {}
    for old in olds:
        need = old.quantity * (100 + old.scrap_percent) / (100 * (pieces if old.is_fixed else base))
        needs[old.component_id] = needs.get(old.component_id, ZERO) + need
    found = {}
    for line in taken:
        need = needs.get(line.component_id)
        if need and line.released_quantity and _changes([line]):
            is_all = round_quantity(need) == round_quantity(line.released_quantity)
            found[line.component_id] = line.quantity, need if is_all else line.released_quantity
    return found


def _bom_row(old: BomLine, factor: tuple[Decimal, Decimal] | None) -> dict[str, Any]:
    """Give a released line as the draft has it; allowances stay, only the quantity follows what happened."""
    quantity = old.quantity
    if factor:
        now, was = factor
        places = items_by_id([old.component_id])[old.component_id].places if old.is_fixed else PLACES
        quantity = round_quantity(quantity * now / was, places)
    return {
        "component": old.component_id, "quantity": quantity, "is_fixed": old.is_fixed,
        "scrap_percent": old.scrap_percent, "operation": old.operation, "place": old.place,
        "valid_from": old.valid_from, "valid_to": old.valid_to,
    }  # fmt: skip


def _bom_new(line: ProposalLine, base: Decimal) -> dict[str, Any]:
    return {"component": line.component_id, "quantity": round_quantity(line.quantity * base)}


def _make_routing(ctx: Context, proposal: Proposal, item: UUID, taken: Sequence[ProposalLine]) -> UUID | None:
    """Make a draft routing: the released one with the accepted changes, else a first one of the accepted lines."""
    if not _changes(taken):
        return None
    lost = next((ln for ln in taken if ln.change == "new" and ln.work_centre_id is None), None)
    if lost:
        raise CentreNeeded(operation=f"{lost.sequence} {lost.name}")
    if proposal.base_routing_id:
        made: Routing = engineering.new_routing_revisions(ctx, [proposal.base_routing_id], {})[0]
        olds = {old.sequence: old for old in RoutingOperation.objects.filter(routing=made)}
        known = {line.released_sequence: line for line in taken if line.change != "new"}
        gone = {was for was, line in known.items() if line.change == "unused"}
        numbers = {was: known[was].sequence if was in known else was for was in olds if was not in gone}
        added = [line for line in taken if line.change == "new"]
        _refuse_twice(proposal, [*numbers.values(), *(line.sequence for line in added)])
        links = {was: {int(one) for one in re.findall(r"\d+", old.predecessors)} for was, old in olds.items()}
        links = rules.relinked(links, numbers, [line.sequence for line in added])
        rows = [_step_row(olds[was], known.get(was)) | {"sequence": number} for was, number in numbers.items()]
        rows += [_step_new(line) for line in added]
        for row in rows:
            row["predecessors"] = ";".join(str(one) for one in sorted(links.get(row["sequence"], ())))
        rows.sort(key=lambda row: row["sequence"])
        execute(ctx, registry.command("engineering.routing.change"), ids=[made.pk], data={"operations": rows})
        return made.pk
    _refuse_twice(proposal, [line.sequence for line in taken])
    record = {
        "item": item, "plant": proposal.plant_id, "note": proposal.number, "revision": _code(Routing, item),
        "operations": [_step_new(line) for line in sorted(taken, key=lambda line: line.sequence)],
    }  # fmt: skip
    return execute(ctx, registry.command("engineering.routing.create"), data={"records": [record]}).value[0].pk


def _refuse_twice(proposal: Proposal, numbers: Sequence[int]) -> None:
    twice = next((number for number, count in sorted(Counter(numbers).items()) if count > 1), None)
    if twice:
        raise NumberTaken(number=proposal.number, sequence=twice)


_STEP = (
    "sequence", "name", "name_en", "work_centre", "setup_minutes", "run_minutes", "queue_minutes",
    "overlap_quantity", "report_ratio", "predecessors", "yield_percent", "skill", "instructions",
    "is_subcontracted", "supplier", "service_item", "subcontract_price", "subcontract_days", "data", "needs_approval",
)  # fmt: skip


def _step_row(old: RoutingOperation, line: ProposalLine | None) -> dict[str, Any]:
    fields = {f.name: f.attname for f in RoutingOperation._meta.concrete_fields}
    row = {name: getattr(old, fields[name]) for name in _STEP}
    if line is not None and (line.change == "changed" or line.decision == "edited"):
        row["run_minutes"] = line.quantity
        row["work_centre"] = line.work_centre_id or row["work_centre"]
        if line.name != old.name:
            row["name"], row["name_en"] = line.name[:80], ""
    return row


def _step_new(line: ProposalLine) -> dict[str, Any]:
    return {
        "sequence": line.sequence, "name": line.name[:80], "work_centre": line.work_centre_id,
        "run_minutes": line.quantity,
    }  # fmt: skip


def _code(model: type[Bom] | type[Routing], item: UUID) -> str:
    return rules.next_code(list(model.objects.filter(item=item).values_list("revision", flat=True)))
