"""What runs now: each flow with the version it runs by, its system and connector, ready to be used by a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from banyan.integration import conditions, environments, limits, mappings, routes
from banyan.integration.connecting import Connection, Connector, Failed, connector_of
from banyan.integration.connections import Sealed, connection_of
from banyan.integration.names import fitted
from banyan.kernel import access, db, schema
from banyan.kernel.context import Context
from banyan.lib.errors import DomainError


@dataclass(frozen=True, slots=True)
class Limits:
    """How a system may be called: its rate and burst, how many failures open its breaker, how long a call takes.

    Takes:  gauge: the operation whose own these are, empty for the system's
    """

    system: UUID
    rate: float | None
    burst: int
    failures: int
    timeout: float
    gauge: str = ""


@dataclass(frozen=True)
class Plan:
    """A flow as it runs: the frozen definition, and how its system is spoken to."""

    flow: UUID
    code: str
    version: UUID
    version_no: int
    system: UUID
    system_code: str
    account: UUID | None
    definition: Mapping[str, Any]
    connector: Connector
    connect: Callable[[datetime | None], Connection]
    rate: float | None
    burst: int
    failures: int
    timeout: float
    events: tuple[str, ...] = field(default=())
    origin: UUID | None = None
    gauge: str = ""
    #: By type of event, the plan as it holds for those that go by a route.
    routes: Mapping[str, Plan] = field(default_factory=dict)

    @property
    def direction(self) -> str:
        return self.definition["direction"]

    @property
    def target(self) -> str:
        return self.definition["target"]

    @property
    def order(self) -> str:
        return self.definition["order"]

    @property
    def operation(self) -> str:
        return self.definition["detail"].get("operation", "")

    @property
    def every(self) -> float:
        return float(self.definition["detail"].get("every", 60))

    @property
    def tells(self) -> bool:
        """Say whether what an event leads to is done by a command of ours, which may tell events itself."""
        return any(one.leads_to_command for one in self.ways)

    @property
    def leads_to_command(self) -> bool:
        """Say so of what goes by this way alone, by none of its routes."""
        facts = self.definition
        return facts["trigger"] == "event" and (facts["direction"] == "in" or bool(facts["reply"].get("command")))

    @property
    def ways(self) -> tuple[Plan, ...]:
        """Give this plan, and those of its routes."""
        return (self, *self.routes.values())

    @property
    def is_parted(self) -> bool:
        """Say whether what goes by a route is counted by limits of its own operation."""
        return any(one.gauge != self.gauge for one in self.routes.values())

    @property
    def judges(self) -> bool:
        """Say whether an event must be looked at before its message is written."""
        return bool(self.definition["key"]) or any(one.definition["filter"] for one in self.ways)

    def way_of(self, event: str) -> Plan:
        """Give the plan as it holds for a type of event: by its route, where it has one."""
        return self.routes.get(event, self)

    def wants(self, body: Any) -> bool:
        """Say whether the filter lets a body through. Raises: Failed("mapping")."""
        return not self.definition["filter"] or conditions.is_true(self.definition["filter"], body)

    def key_of(self, body: Any, usual: str) -> str:
        """Give what a body stays in order with. Raises: Failed("mapping")."""
        return conditions.key_of(self.definition["key"], body) if self.definition["key"] else fitted(usual)

    def map(self, body: Any) -> Any:
        """Give what the command gets. Raises: Failed("mapping")."""
        return mappings.apply(self.definition["mapping"], body, system=self.system_code)

    def map_all(self, bodies: Sequence[Any]) -> list[Any]:
        """Give what is sent of each body, or the Failed("mapping") that says why nothing is."""
        return mappings.apply_all(self.definition["mapping"], bodies, system=self.system_code)

    def map_each(self, events: Sequence[str], bodies: Sequence[Any]) -> list[Any]:
        """Give what is sent of each body by the way of its type of event, or the Failed("mapping")."""
        if not self.routes:
            return self.map_all(bodies)
        places: dict[int, list[int]] = {}
        for place, event in enumerate(events):
            places.setdefault(id(self.way_of(event)), []).append(place)
        found: dict[int, Any] = {}
        for alike in places.values():
            given = self.way_of(events[alike[0]]).map_all([bodies[place] for place in alike])
            found |= zip(alike, given, strict=True)
        return [found[place] for place in range(len(bodies))]


_PLANS = f"""
    SELECT f.id, f.code, v.id, v.no, s.id, s.code, s.account_id, v.definition::text, s.connector, s.environment,
           s.settings::text, s.hosts, s.rate::float8, s.burst, s.failures, s.timeout_seconds, s.most_bytes, s.version,
           (SELECT coalesce(jsonb_object_agg(x.name, x.sealed), '{{}}')::text FROM integration_secret x
            WHERE x.system_id = s.id), {environments.KEPT}, f.origin_id, s.limits::text
    FROM integration_flow f
    JOIN integration_flowversion v ON v.id = f.running_id JOIN integration_system s ON s.id = f.system_id
    WHERE f.id = ANY(%s)
"""
_held: dict[tuple[UUID, UUID, int], Plan] = {}
_lock = threading.Lock()


def plans_of(flows: Mapping[UUID, tuple[UUID, int]]) -> dict[UUID, Plan]:
    """Give the plans of flows; those whose version and system have not changed are at hand.

    Takes:  by flow, its running version and its system's version
    Gives:  none for a flow whose connector is not installed
    """
    found = {flow: _held.get((flow, *stamp)) for flow, stamp in flows.items()}
    if missing := [flow for flow, plan in found.items() if plan is None]:
        for row in db.rows(_PLANS, [missing]):
            if (plan := _plan(row)) is not None:
                found[plan.flow] = plan
                with _lock:
                    if len(_held) > 1000:
                        _held.clear()
                    _held[plan.flow, plan.version, row[17]] = plan
    return {flow: plan for flow, plan in found.items() if plan is not None}


def plan_of(flow: UUID) -> Plan | None:
    """Give the plan of one flow as it is stored now, None when it has no version or no connector."""
    rows = db.rows(_PLANS, [[flow]])
    return _plan(rows[0]) if rows else None


def _plan(row: tuple) -> Plan | None:
    (flow, code, version, no, system, system_code, account, definition, connector, environment, settings, hosts, rate,
     burst, failures, timeout, most_bytes, _, sealed, here, origin, limited) = row
    try:
        made = connector_of(connector)
        parsed = schema.parse(made.settings, orjson.loads(settings))
    except DomainError:
        return None
    facts = orjson.loads(definition)
    operation = facts["target"] if facts["direction"] == "out" else facts["detail"].get("operation", "")
    usual, own = Limits(system, rate, burst, failures, float(timeout)), orjson.loads(limited)
    may = _limited(usual, own, operation)
    link = Sealed(
        key=system, system=system_code, environment=environment, settings=parsed, hosts=tuple(hosts),
        sealed=orjson.loads(sealed), timeout=float(timeout), most_bytes=most_bytes, kept=here,
    )  # fmt: skip
    plan = Plan(
        flow=flow, code=code, version=version, version_no=no, system=system, system_code=system_code, account=account,
        definition=facts, connector=made, connect=lambda now: connection_of(link, now or datetime.now(UTC)),
        rate=may.rate, burst=may.burst, failures=may.failures, timeout=may.timeout, gauge=may.gauge, origin=origin,
        events=tuple(facts["detail"].get("events", ())),
    )  # fmt: skip
    by_route = []
    for way in routes.ways_of(facts)[1:]:
        called = way["target"] if plan.direction == "out" else operation
        by_route.append(_counted(replace(plan, definition=way), _limited(usual, own, called)))
    return replace(plan, routes={
        event: way for way, one in zip(by_route, routes.of(facts["detail"]), strict=True) for event in one["events"]
    }) if by_route else plan  # fmt: skip


_LINK = f"""
    SELECT s.code, s.connector, s.environment, s.settings::text, s.hosts, s.timeout_seconds, s.most_bytes,
           (SELECT coalesce(jsonb_object_agg(x.name, x.sealed), '{{}}')::text FROM integration_secret x
            WHERE x.system_id = s.id), {environments.KEPT}
    FROM integration_system s WHERE s.id = %s
"""


def link_of(system: UUID) -> tuple[Connector, Callable[..., Connection]] | None:
    """Give a system's connector and how to get its connection, None when there is no such system.

    Raises: NotFound for an unknown connector, Invalid for settings it does not take
    """
    row = db.one(_LINK, [system])
    if row is None:
        return None
    code, connector, environment, settings, hosts, timeout, most_bytes, sealed, here = row
    made = connector_of(connector)
    link = Sealed(
        key=system, system=code, environment=environment, settings=schema.parse(made.settings, orjson.loads(settings)),
        hosts=tuple(hosts), sealed=orjson.loads(sealed), timeout=float(timeout), most_bytes=most_bytes, kept=here,
    )  # fmt: skip
    return made, lambda now=None: connection_of(link, now or datetime.now(UTC))


def reader_of(plan: Plan) -> Plan:
    """Give a flow's plan as it reads: of the system it comes from, by the limits of the operation that it reads.

    Raises: NotFound for a connector that is not installed, Invalid for settings it does not take
    """
    if plan.direction == "in":
        return plan
    system = plan.origin or plan.system
    link, may = link_of(system), limits_of(system, plan.operation)
    if link is None or may is None:
        return plan
    connector, connect = link
    return _counted(replace(plan, system=system, connector=connector, connect=connect), may)


def _counted(plan: Plan, may: Limits) -> Plan:
    """Give a plan whose calls are counted by these limits."""
    return replace(
        plan, rate=may.rate, burst=may.burst, failures=may.failures, timeout=may.timeout, gauge=may.gauge
    )  # fmt: skip


def limits_of(system: UUID, operation: str = "") -> Limits | None:
    """Give how a system, or an operation of it, may be called; None when there is no such system."""
    row = db.one(
        "SELECT id, rate::float8, burst, failures, timeout_seconds::float8, limits::text FROM integration_system "
        "WHERE id = %s", [system],
    )  # fmt: skip
    return _limited(Limits(*row[:-1]), orjson.loads(row[-1]), operation) if row else None


def _limited(usual: Limits, own: Mapping[str, Any], operation: str) -> Limits:
    """Give the limits of an operation where it has its own, else the usual ones."""
    found = limits.of_operation(own, operation)
    if found is None:
        return usual
    rate = found.get("rate")
    return replace(usual, rate=float(rate) if rate else None, burst=found.get("burst", usual.burst),
                   failures=found.get("failures", usual.failures), gauge=operation)  # fmt: skip


def context_of(plan: Plan, at: datetime) -> Context | Failed:
    """Give the circumstances in which a flow's commands run: its system's account, through the interface."""
    return account_context(plan.account, plan.system_code, at)


def account_context(account: UUID | None, system: str, at: datetime) -> Context | Failed:
    """Give the circumstances in which a system's account acts, by the account and the system's code."""
    principal = access.principal_of(account) if account else None
    if principal is None:
        return Failed("not_allowed", "外部系统没有可用的执行账号\nthe system has no active account to act as")
    return Context(principal, now=at, through="rest", program=f"bus {system}"[:80], language=principal.language)


def refused(fault: Exception) -> Failed:
    """Give what a connector raised as a refusal: its own, or a fault of the program."""
    if isinstance(fault, Failed):
        return fault
    if isinstance(fault, TimeoutError):
        return Failed("timeout", str(fault) or "timed out")
    if isinstance(fault, OSError):
        return Failed("transport", str(fault) or type(fault).__name__)
    return Failed("refused", f"{type(fault).__name__}: {fault}"[:2000])
