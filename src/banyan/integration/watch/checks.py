"""Whether an alert rule or a scan says what it must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl
from uuid import UUID

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Model, QuerySet, Sum

from banyan.integration import conditions
from banyan.integration.connecting import connectors
from banyan.integration.models import System
from banyan.integration.watch.models import AlertRule, Scan
from banyan.kernel import reading, registry
from banyan.kernel.context import Context
from banyan.kernel.impossible import impossibles
from banyan.kernel.reading import Query
from banyan.kernel.spec import NounSpec
from banyan.lib.errors import DomainError, FieldFaults, Invalid
from banyan.lib.labels import L

NEEDED = L("请填写", "is needed")
UNNEEDED = L("与范围不符，请留空", "does not go with the scope: leave it empty")
#: Instead of a field of ours: the outside code of a key link; the partner's own name of the message that made the
#: record, by the flow that fetches.
LINK = "link"
MESSAGE = "message"
OF_SYSTEMS = frozenset({"breaker", "differences", "renewal"})


def check_rules(rules: Sequence[AlertRule]) -> None:
    """Check rules; the operation of a system that tells people by itself is filled in. One statement.

    Raises: Invalid naming what is missing of a rule
    """
    tells = _tells_of({rule.via_id for rule in rules if rule.way != "inbox" and rule.via_id})
    for rule in rules:
        faults = FieldFaults()
        for name in ("system", "flow"):
            given = getattr(rule, f"{name}_id") is not None
            if given != (rule.scope == name):
                faults.add(name, NEEDED if not given else UNNEEDED)
        if rule.measure in OF_SYSTEMS and rule.scope == "flow":
            faults.add("scope", L("该指标按系统计量", "this is measured of systems"))
        if rule.role_id is None and rule.person_id is None:
            faults.add("person", L("写明通知哪个角色或人员", "say which role or person is told"))
        if rule.way != "inbox":
            own = tells.get(rule.via_id, "")
            rule.operation = rule.operation or own
            if own and rule.operation != own:
                said = L("该系统的发送操作是 {own}", "that system's operation to send is {own}")
                faults.add("operation", said.filled({"own": own}))
            for name, value in (("via", rule.via_id), ("operation", rule.operation)):
                if not value:
                    faults.add(name, NEEDED)
        faults.refuse_if_any()


def _tells_of(systems: set[UUID]) -> dict[UUID, str]:
    """Give the operations of systems whose connector tells people by itself."""
    own = {one.key: one.tells for one in connectors() if one.tells}
    rows = System.objects.filter(pk__in=systems, connector__in=own).values_list("pk", "connector")
    return {system: own[connector] for system, connector in rows}


def check_scans(ctx: Context, scans: Sequence[Scan]) -> None:
    """Raises: Invalid naming what is missing or unknown in a scan."""
    for scan in scans:
        faults = FieldFaults()
        if scan.kind == "ours":
            for key in scan.checks:
                if key not in impossibles():
                    known = "、".join(impossibles()) or "—"
                    said = L("没有名为“{key}”的自查项目；有：{known}", "there is no check “{key}”; there are: {known}")
                    faults.add("checks", said.filled({"key": key, "known": known}))
        else:
            _check_partner(ctx, scan, faults)
        faults.refuse_if_any()


def _check_partner(ctx: Context, scan: Scan, faults: FieldFaults) -> None:
    for name in ("system_id", "operation", "noun", "key_field", "at_field", "their_key"):
        if not getattr(scan, name):
            faults.add(name.removesuffix("_id"), NEEDED)
    if bool(scan.amount_field) != bool(scan.their_amount):
        faults.add("their_amount", L("我方金额与对方金额须同时填写", "our amount and theirs go together"))
    for flow, direction in ((scan.send_flow, "out"), (scan.fetch_flow, "in")):
        if flow is not None and flow.direction != direction:
            faults.add("send_flow" if direction == "out" else "fetch_flow",
                       L("方向不符", "leads the wrong way"))  # fmt: skip
    if scan.their_filter:
        try:
            conditions.check(scan.their_filter)
        except DomainError as refusal:
            faults.add("their_filter", refusal.label)
    if scan.is_mapped and scan.fetch_flow is None:
        faults.add("fetch_flow", L("经映射读取时须有重取的流", "is needed where the list is read through its mapping"))
    if scan.key_field == MESSAGE:
        if scan.fetch_flow is None:
            faults.add("fetch_flow", L("按消息对键时须有重取的流", "is needed where messages say which record it is"))
        if not scan.their_at:
            faults.add("their_at", NEEDED)
    if not isinstance(scan.fields, list) or not all(_is_pair(one) for one in scan.fields):
        faults.add("fields", L('须为 [{"ours": "…", "theirs": "…"}] 的列表',
                               'must be a list of {"ours": "…", "theirs": "…"}'))  # fmt: skip
        return
    if not registry.has_noun(scan.noun):
        faults.add("noun", L("没有名为“{key}”的单据", "there is no noun “{key}”").filled({"key": scan.noun}))
        return
    try:
        str(our_rows(ctx, scan).query)
    except (FieldError, ValidationError) as fault:
        said = L("我方没有这样的字段：{text}", "ours has no such field: {text}")
        faults.add("fields", said.filled({"text": str(fault)[:200]}))
    except DomainError as refusal:
        faults.add("where", refusal.label)


def _is_pair(one: object) -> bool:
    return (
        isinstance(one, Mapping) and isinstance(one.get("ours"), str) and isinstance(one.get("theirs"), str)
        and isinstance(one.get("values", {}), Mapping) and not one.keys() - {"ours", "theirs", "values"}
    )  # fmt: skip


def our_rows(ctx: Context, scan: Scan) -> QuerySet:
    """Give our records of a scan: key of the record, our key, time, amount, then the fields compared.

    A condition may name a field of what a record belongs to (`channel_order.shop:in=…`); an amount of lines is their
    sum.

    Raises: FieldError for an unknown field, ValidationError for a value it cannot have, Invalid for a wrong condition
    """
    noun = registry.noun(scan.noun)
    asked = [(*name.split(":", 1), value) if ":" in name else (name, "eq", value)
             for name, value in parse_qsl(scan.where)]  # fmt: skip
    own = tuple(one for one in asked if "." not in one[0])
    rows = reading.matching(ctx, noun, Query(filters=own)).order_by()
    for name, operator, value in asked:
        if "." in name:
            if operator not in ("eq", "in"):
                raise Invalid("filter_operator", L("{field} 只能用 in 筛选", "{field} can be filtered by in only"),
                              {"field": name})  # fmt: skip
            rows = rows.filter(**{f"{_column(name)}__in": value.split(",")})
    key = {LINK: "pk", MESSAGE: _name_of(noun.spec)}.get(scan.key_field, scan.key_field)
    amount: object = _column(scan.amount_field or "pk")
    if _is_of_lines(noun.model, scan.amount_field):
        amount = Sum(amount)
    return rows.values_list("pk", _column(key), _column(scan.at_field), amount,
                            *(_column(one["ours"]) for one in scan.fields))  # fmt: skip


def _column(path: str) -> str:
    return path.replace(".", "__")


def _name_of(spec: NounSpec) -> str:
    """Give the column that people call a record by: its number or code."""
    name = spec.numbering.field if spec.numbering else spec.natural_key
    return spec.field(name).column if name else "pk"


def _is_of_lines(model: type[Model], path: str) -> bool:
    first, _, rest = path.partition(".")
    return bool(rest) and any(
        one.one_to_many and one.get_accessor_name() == first for one in model._meta.related_objects
    )
