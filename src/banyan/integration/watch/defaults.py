"""Rules and scans that are there without anybody having made them: once, and never again what a person deletes.

The first outside system, flow or shop brings the alert rules and the scan of our own impossible states. Each running
flow that lists what a command of ours takes in (`kernel.arrivals`) brings a nightly scan against its partner, read
through the flow's own mapping; one that is pushed to does where nothing is polled, and its operation could be. So does
each running flow that tells, or polls, what its connector says is listed there (`Connector.scans`: shipments of shops,
invoices in books, what a WMS moved).
They are ordinary rules and scans: to be changed, switched off, deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from banyan.integration import routes
from banyan.integration.connecting import Connector, Failed, PresetScan, connector_of
from banyan.integration.models import Flow, System
from banyan.integration.plans import Plan, plan_of
from banyan.integration.watch.models import Scan, Seed
from banyan.kernel import db, registry
from banyan.kernel.arrivals import Arrival, arrivals
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.models import Role, User

AREA = "integration"
#: By what is remembered of it: name, measure, from which value, for how many minutes.
RULES: Mapping[str, tuple[str, str, int, int]] = {
    "dead": ("死信 / Dead letters", "dead", 1, 0),
    "blocked": ("键被卡住半小时 / Keys blocked for half an hour", "blocked", 1, 30),
    "waiting": ("等待超过 30 分钟 / Waiting for over 30 minutes", "waiting", 30, 5),
    "breaker": ("熔断 5 分钟 / Breaker open for 5 minutes", "breaker", 1, 5),
    "renewal": ("会话密钥续期失败 / A session key could not be renewed", "renewal", 1, 10),
    "differences": ("核对有差异 / Scans found differences", "differences", 1, 0),
}
OWN_SCAN = "OWN-STATES"
DAYS = 7
#: So often a partner is asked whether it offers what would be listed, until it does.
ASKED_EVERY = timedelta(days=1)


def seed(ctx: Context) -> int:
    """Make what is wanted and was never made; give how much that is.

    Writes: rules and scans by their commands; what was made is remembered. Nothing while nobody could be told
    """
    if not _begins():
        return 0
    made = 0
    with transaction.atomic():
        db.one("SELECT pg_advisory_xact_lock(hashtextextended('watch.defaults', 0))")
        known = set(Seed.objects.values_list("key", flat=True))
        if role := _whom():
            for name in (one for one in RULES if f"rule {one}" not in known):
                _make(ctx, f"rule {name}", "watch.alert_rule.create", _rule(name, role))
                made += 1
        if "scan own" not in known:
            first = System.objects.order_by("created_at", "pk").values_list("created_by_id", flat=True).first()
            own = {"code": _code(OWN_SCAN), "name": "我方不可能的状态 / Our impossible states", "kind": "ours",
                   "owner": _owner(first)}  # fmt: skip
            _make(ctx, "scan own", "watch.scan.create", own)
            made += 1
        listing = Flow.objects.filter(state="active", direction="in", target__in=arrivals())
        asked = set(listing.exclude(trigger="webhook").values_list("system_id", "target"))
        for flow in listing.select_related("system", "running").order_by("code"):
            if flow.trigger == "webhook" and (flow.system_id, flow.target) in asked:
                continue
            if f"scan {flow.pk}" not in known and (facts := _against(flow)):
                _make(ctx, f"scan {flow.pk}", "watch.scan.create", facts)
                made += 1
        begins = Q(direction="out", trigger="event") | Q(direction="in", trigger="poll")
        for flow in Flow.objects.filter(begins, state="active").select_related("system", "running").order_by("code"):
            for one in _scans_of(flow):
                if f"scan {flow.pk} {one.name}" not in known and (facts := _as_preset(ctx, flow, one)):
                    _make(ctx, f"scan {flow.pk} {one.name}", "watch.scan.create", facts)
                    made += 1
    return made


def _begins() -> bool:
    """Say whether there is anything to watch."""
    kinds = {one.within[2] for one in arrivals().values()}
    return System.objects.exists() or any(
        registry.noun(kind).model._base_manager.exists() for kind in sorted(kinds) if registry.has_noun(kind)
    )


def _whom() -> UUID | None:
    """Give the role that looks after the links: the one called integrator, else the first with that area."""
    found = Role.objects.filter(Q(code="integrator") | Q(areas__contains=[AREA])).order_by("code")
    roles = {role.code: role.pk for role in found}
    return roles.get("integrator") or next(iter(roles.values()), None)


def _owner(*found: UUID | None) -> str | None:
    """Give who sees to what a scan finds: the first of these who is a person at work here, else of the links' role.

    Gives:  None while there is nobody
    """
    people = User.objects.filter(is_active=True, is_program=False)
    here = set(people.filter(pk__in=[one for one in found if one]).values_list("pk", flat=True))
    owner = next((one for one in found if one in here), None)
    if owner is None and (role := _whom()):
        owner = people.filter(roles__role=role).order_by("login").values_list("pk", flat=True).first()
    return str(owner) if owner else None


def _owner_of(flow: Flow) -> str | None:
    """Give who sees to what the scan of a flow finds: who switched it on, who set up its system."""
    return _owner(flow.running.person_id, flow.created_by_id, flow.system.created_by_id)


def _make(ctx: Context, key: str, command: str, record: Mapping[str, Any]) -> None:
    execute(ctx, registry.command(command), data={"records": [record]})
    Seed.objects.create(key=key, at=ctx.now)


def _rule(name: str, role: UUID) -> dict[str, Any]:
    words, measure, threshold, minutes = RULES[name]
    return {"name": words, "measure": measure, "threshold": str(threshold), "minutes": minutes, "role": str(role)}


def _against(flow: Flow) -> dict[str, Any] | None:
    """Give the scan of a flow against its partner, None where that lists nothing by time or names no place of ours."""
    plan, arrival = plan_of(flow.pk), arrivals()[flow.target]
    if plan is None or type(plan.connector).position_at is Connector.position_at:
        return None
    if flow.trigger == "webhook" and not _is_polled(plan):
        return None
    place = _place(plan, arrival)
    if place is None or arrival.at[0] not in _targets(plan):
        return None
    return {
        "code": _code(f"SCAN-{flow.code}"), "kind": "theirs",
        "name": f"{flow.name}：与对方核对 / against the partner"[:120],
        "system": str(flow.system_id), "operation": plan.operation, "noun": arrival.noun,
        "where": f"{arrival.within[1]}:in={place}&{arrival.key[1]}:empty=no",
        "key_field": arrival.key[1], "their_key": arrival.key[0],
        "at_field": arrival.at[1], "their_at": arrival.at[0], "amount_field": arrival.amount[1],
        "their_amount": arrival.amount[0], "is_mapped": True, "fetch_flow": str(flow.pk), "days": DAYS,
        "owner": _owner_of(flow),
    }  # fmt: skip


def _is_polled(plan: Plan, operation: str = "") -> bool:
    """Say whether the partner can be asked for it: what is pushed by the operation of the same name."""
    try:
        offered = plan.connector.describe(plan.connect(None))
    except Failed:
        return False
    return any(one.key == (operation or plan.operation) and "poll" in one.ways for one in offered)


def _is_offered(ctx: Context, flow: Flow, one: PresetScan) -> bool:
    """Say whether the partner offers what is to be listed. It is asked once a day. Writes: when that was"""
    asked, is_new = Seed.objects.get_or_create(key=f"asked {flow.pk} {one.name}", defaults={"at": ctx.now})
    if not is_new and ctx.now - asked.at < ASKED_EVERY:
        return False
    Seed.objects.filter(pk=asked.pk).update(at=ctx.now)
    plan = plan_of(flow.pk)
    return plan is not None and _is_polled(plan, one.operation)


def _scans_of(flow: Flow) -> list[PresetScan]:
    """Give the scans that begin with a flow that tells something, or polls it."""
    begun = flow.detail.get("events") or (flow.detail.get("operation"),)
    facts = {"detail": flow.detail, "target": flow.target}
    return [one for one in connector_of(flow.system.connector).scans()
            if one.event in begun and one.target == routes.way_of(facts, one.event)["target"]]  # fmt: skip


def _as_preset(ctx: Context, flow: Flow, one: PresetScan) -> dict[str, Any] | None:
    """Give the scan of what a flow tells or polls.

    Gives:  None while its list is read by no running flow or not offered, or its place and who writes it are unknown
    """
    reader, operation = None, one.operation or one.event
    brings = _bringing(flow, one)
    where = _where(one, _place_of(flow, one), brings)
    if where is None or (one.brought_by and not (brings and _is_offered(ctx, flow, one))):
        return None
    if one.read_by:
        reading = Flow.objects.filter(system=flow.system_id, state="active", trigger="poll", target=one.read_by)
        reader = reading.order_by("code").first()
        if reader is None:
            return None
        operation = reader.detail["operation"]
    named, fetches = brings or flow, reader or brings
    return {
        "code": _code(f"SCAN-{named.code}"), "kind": "theirs",
        "name": f"{named.name}：{one.label.zh} / {one.label.en}"[:120],
        "system": str(flow.system_id), "operation": operation, "noun": one.noun,
        "where": where, "key_field": one.key[0], "their_key": one.key[1],
        "at_field": one.at[0], "their_at": one.at[1], "amount_field": one.amount[0], "their_amount": one.amount[1],
        "their_filter": one.holds, "is_mapped": reader is not None, "days": DAYS,
        "owner": _owner_of(flow),
        "send_flow": str(flow.pk) if one.is_sent_again and flow.direction == "out" else None,
        "fetch_flow": str(fetches.pk) if fetches else None,
    }  # fmt: skip


def _place_of(flow: Flow, one: PresetScan) -> UUID | None:
    """Give the place of ours that a setting of the flow's mapping names."""
    plan = plan_of(flow.pk) if one.within[0] else None
    code = plan.way_of(one.event).definition["mapping"].get("settings", {}).get(one.within[0], "") if plan else ""
    return _of_code(one.within[1], code)


def _bringing(flow: Flow, one: PresetScan) -> Flow | None:
    """Give the flow that brings in what is compared: the one it begins with, or the one with the mapping for it.

    Gives:  of several with that mapping the system's own one; None where that is not one
    """
    if flow.direction == "in":
        return flow
    if not one.brought_by:
        return None
    found = list(Flow.objects.filter(state="active", direction="in", running__definition__mapping__code=one.brought_by)
                 .select_related("system"))  # fmt: skip
    found = [each for each in found if each.system_id == flow.system_id] or found
    return found[0] if len(found) == 1 else None


def _where(one: PresetScan, place: UUID | None, brings: Flow | None) -> str | None:
    """Give our condition: in the place that the flow names, else of what the account that brings it in wrote."""
    if place or not (one.within[0] or one.made_by):
        return one.where.replace("{place}", str(place))
    if not one.made_by or brings is None or brings.system.account_id is None:
        return None
    kept = [part for part in one.where.split("&") if part and "{place}" not in part]
    return "&".join((*kept, f"{one.made_by}:in={brings.system.account_id}"))


def _targets(plan: Plan) -> set[str]:
    """Give what a flow's mapping writes, as dotted paths."""
    fields = plan.definition["mapping"].get("fields", ())
    return {field["target"].replace("[", ".").replace("]", "") for field in fields}


def _place(plan: Plan, arrival: Arrival) -> UUID | None:
    """Give the record of ours that all a flow brings belongs to, as its mapping says: a setting, or a fixed text."""
    path, _, noun = arrival.within
    code = ""
    for field in plan.definition["mapping"].get("fields", ()):
        if field["target"].replace("[", ".").replace("]", "") == path:
            name = field.get("expression", "").removeprefix("settings.")
            settings = plan.definition["mapping"].get("settings", {})
            code = settings.get(name, "") if field.get("expression") else field.get("default", "")
            if field.get("source"):
                return None
    return _of_code(noun, code)


def _of_code(noun: str, code: str) -> UUID | None:
    """Give the record of a noun by its code."""
    if not code or not registry.has_noun(noun):
        return None
    found = registry.noun(noun)
    return found.model._base_manager.filter(**{found.spec.natural_key: code}).values_list("pk", flat=True).first()


def _code(wanted: str) -> str:
    """Give a code that no scan has."""
    taken = set(Scan.objects.filter(code__startswith=wanted[:34]).values_list("code", flat=True))
    tries = (wanted[:40], *(f"{wanted[:34]}-{n}" for n in range(2, 100)))
    return next(one for one in tries if one not in taken)
