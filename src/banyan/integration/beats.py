"""What a flow that the clock starts is given: constants, and a list of ours as it stands at that moment.

`"data": {"shop": "S1"}` in the trigger's detail is read as `data.shop`. `"list": {"noun": "sales.order", "where":
"state:in=confirmed"}` brings what that list shows to the system's account: `data.rows`, their keys as `data.ids`, and
`data.count`. `where` is written as in the address of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from banyan.integration import performing
from banyan.integration.connecting import Failed
from banyan.kernel import reading, registry
from banyan.kernel.context import SYSTEM, Context
from banyan.lib.errors import DomainError, jsonable
from banyan.lib.labels import L, Label

MOST_ROWS = 500
#: What a beat itself says, and what its list does.
_TAKEN = frozenset({"at", "rows", "ids", "count"})


def body_of(flow: str, beat: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a flow that the clock starts gets at a beat."""
    return {
        "specversion": "1.0", "id": f"{flow} {beat.isoformat()}", "source": "/banyan", "type": "schedule",
        "time": beat.isoformat(), "subject": flow, "data": {"at": beat.isoformat(), **data},
    }  # fmt: skip


def data_of(detail: Mapping[str, Any], acting: Context | Failed | None) -> dict[str, Any]:
    """Give what a schedule brings beside its time.

    Takes:  acting: who reads its list
    Raises: Failed where the list cannot be read, or is longer than MOST_ROWS
    """
    made = dict(detail.get("data") or {})
    asked = detail.get("list")
    if not asked:
        return made
    if isinstance(acting, Failed):
        raise acting
    if acting is None:
        raise Failed("not_allowed", L("没有可用的执行账号", "there is no account to act as"))
    try:
        page = reading.list_records(acting, registry.noun(asked["noun"]), _query(asked, MOST_ROWS))
    except DomainError as refusal:
        raise Failed(performing.reason_of(refusal), performing.said(refusal)) from None
    if page.next:
        said = L("列表超过 {n} 行：请缩小条件", "the list is longer than {n} rows: choose a narrower condition")
        raise Failed("too_large", said.filled({"n": MOST_ROWS}))
    rows = jsonable(page.rows)
    return made | {"rows": rows, "ids": [str(row["id"]) for row in rows], "count": len(rows)}


def faults_of(detail: Mapping[str, Any]) -> Iterator[Label]:
    """Give what is wrong with what a schedule is to bring."""
    data, asked = detail.get("data", {}), detail.get("list")
    if not isinstance(data, Mapping):
        yield L("data 应为对象", "data must be an object")
    elif taken := _TAKEN & set(data):
        yield L("data 不能有 {names}：由定时自己给出", "data cannot have {names}: the clock gives it").filled(
            {"names": ", ".join(sorted(taken))})  # fmt: skip
    if asked is None:
        return
    if not isinstance(asked, Mapping) or set(asked) - {"noun", "where"} or not isinstance(asked.get("where", ""), str):
        yield L("list 要有 noun 和 where", "list has noun and where")
    elif not registry.has_noun(str(asked.get("noun"))):
        yield L("没有名为“{noun}”的单据", "there is no noun “{noun}”").filled({"noun": str(asked.get("noun"))})
    else:
        try:
            reading.matching(Context(SYSTEM, now=datetime.min), registry.noun(asked["noun"]), _query(asked, 1))
        except DomainError as refusal:
            yield refusal.label


def _query(asked: Mapping[str, Any], limit: int) -> reading.Query:
    filters = []
    for name, value in parse_qsl(asked.get("where", ""), keep_blank_values=True):
        field, _, operator = name.partition(":")
        filters.append((field, operator or "eq", value))
    return reading.Query(filters=tuple(filters), limit=limit, expand=())
