"""What all presets of shops, carriers and ERPs share: calls declared as data, polled by windows of time and pages.

A preset says how its partner is asked (`ask`: address, signature, what an answer means) and lists its calls:

    calls = (
        Call("orders", L("订单", "Orders"), "taobao.trades.sold.increment.get", poll=Poll(...)),
        Call("ship", L("发货", "Ship"), "taobao.logistics.offline.send"),
    )
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from banyan.integration.connecting import (
    Connection,
    Connector,
    Failed,
    Health,
    Incoming,
    Operation,
    Outgoing,
    Page,
    PresetFlow,
    PresetScan,
    Reason,
    Received,
    Renewed,
    Sent,
)
from banyan.integration.templates import as_text, at
from banyan.lib.labels import L, Label

FOLDER = Path(__file__).parent
#: The call that lists {"sku", "quantity"} of what a shop shows as its stock.
STOCK_SHOWN = "stock_shown"
EVER = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Window:
    """What one page of a poll asks for: changes from `begin` to before `end`; pages count from nought.

    `after` is what the page before said the next one begins behind, where the partner's pages go by that.
    """

    begin: datetime
    end: datetime
    page: int
    size: int
    after: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """How changes are asked for and found in the answer.

    What changes while its window is read leaves the window, and the pages behind it move up: to count pages upward is
    to lose records. So pages are either counted down from the last (`total`), or each begins at the moment of the last
    record before it (`moves`, where records come oldest change first), or behind what the page before names (`cursor`).
    What is seen twice is known by id and version.

    Takes:  parameters: what a window is called by the partner; records, id, version: dotted paths, the last two in a
            record; total: path of how many there are in the window; moves: reads the version as an instant;
            cursor: path of what the next page begins behind, nothing on the last;
            longest: what one window may span; first: how far back the first poll goes; overlap: asked again each time,
            for what becomes visible late
            is_whole: the partner lists what is there now, whatever the window: it ends with the last page
    """

    parameters: Callable[[Window], Mapping[str, Any]]
    records: str
    id: str
    version: str
    total: str = ""
    moves: Callable[[Any], datetime] | None = None
    cursor: str = ""
    size: int = 100
    longest: timedelta = timedelta(days=1)
    first: timedelta = timedelta(days=7)
    overlap: timedelta = timedelta(minutes=2)
    is_whole: bool = False


def all_there_is(parameters: Callable[[Window], Mapping[str, Any]], records: str, **paging: Any) -> Poll:
    """Give a poll of what is there now: {"sku", …} of each."""
    return Poll(parameters, records=records, id="sku", version="", longest=EVER, first=EVER, is_whole=True, **paging)


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that a partner can be asked.

    Takes:  name: the partner's own name of it; fixed: what goes with each call; sample: a file of `payloads/`;
            whole: parameters that are sent as whole numbers
    """

    key: str
    label: Label
    name: str
    poll: Poll | None = None
    fixed: Mapping[str, Any] | None = None
    hears: bool = False
    sample: str = ""
    whole: tuple[str, ...] = ()


class Platform(Connector):
    """A partner whose calls are declared."""

    calls: ClassVar[tuple[Call, ...]]
    #: Flows between a shop and us: which of SHOP_FLOWS, with what each needs to be told beside.
    joins: ClassVar[Mapping[str, str]] = {}
    #: When an order of the shop has gone, and the flow that says so there.
    shipped: ClassVar[tuple[str, str]] = ("ship", "")

    @abstractmethod
    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Make one signed call and give what it answers as data. Raises: Failed as the partner says."""

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the calls, each with what it really looks like."""
        return tuple(
            Operation(
                call.key,
                call.label,
                frozenset({"poll"} if call.poll else {"send"}) | frozenset({"receive"} if call.hears else ()),
                samples=self.samples(call),
            )
            for call in self.calls
        )

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give what stands in NAME.mapping.json beside the connector. Raises: NotFound."""
        return mapping_of(self.key, name) or super().mapping(name)

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flows of `joins`; what comes in has the sample of its call."""
        made = []
        for name, needs in self.joins.items():
            flow = SHOP_FLOWS[name]
            sample = flow.sample if flow.trigger == "event" else self.samples(self.call(flow.subject))[0]
            made.append(replace(flow, sample=sample, filter=" and ".join(filter(None, (flow.filter, needs)))))
        return tuple(made)

    def scans(self) -> Sequence[PresetScan]:
        """Give the comparisons of what we shipped with the orders that have gone at the shop, and of stock."""
        return (*self._shipments_compared(), *self._stock_compared())

    def _stock_compared(self) -> Sequence[PresetScan]:
        """Give the comparison of what we offer with the stock that the shop shows, where it lists that."""
        if "stock" not in self.joins or all(call.key != STOCK_SHOWN for call in self.calls):
            return ()
        told = SHOP_FLOWS["stock"]
        return (PresetScan(
            "stock", L("库存核对", "stock compared"), told.subject, told.target, "channels.offer", "shop:in={place}",
            ("listing.sku", "sku"), ("offered_at", ""), ("quantity", "quantity"), within=("shop", "channels.shop"),
            operation=STOCK_SHOWN,
        ),)  # fmt: skip

    def _shipments_compared(self) -> Sequence[PresetScan]:
        name, holds = self.shipped
        if not holds or name not in self.joins:
            return ()
        told = SHOP_FLOWS[name]
        return (PresetScan(
            "shipments", L("发货核对", "shipments compared"), told.subject, told.target, "channels.order",
            "shop:in={place}&state:in=shipped,done", ("outside_number", "orders.0.number"),
            ("ordered_at", "orders.0.ordered_at"), holds=holds, within=("shop", "channels.shop"),
            read_by="channels.order.receive",
        ),)  # fmt: skip

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Make the call with the body's members as its parameters."""
        call = self.call(out.operation)
        if call.poll is not None:
            raise Failed("refused", L("{key} 只能读取", "{key} can only be read").filled({"key": call.key}))
        if not isinstance(out.body, Mapping):
            raise Failed("validation", L("正文须为对象", "The body must be an object"))
        body = {**(call.fixed or {}), **out.body}
        return Sent(self.ask(connection, call, body | {name: whole(body[name]) for name in call.whole if name in body}))

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give the next page of what has changed.

        Takes:  position: {"from"} at rest; {"from", "to", "page"} within a window; "until" where it ends before now
        """
        call = self.call(operation)
        if call.poll is None:
            raise Failed("refused", L("{key} 不能轮询", "{key} cannot be polled").filled({"key": call.key}))
        end = position.get("until") if isinstance(position, Mapping) else None
        now = min(connection.now, datetime.fromisoformat(end)) if end else connection.now
        window = next_window(call.poll, position, now, limit)
        said = self.ask(connection, call, {**(call.fixed or {}), **call.poll.parameters(window)})
        records = at(said, call.poll.records) or []
        if not isinstance(records, list):
            raise Failed("mapping", f"{call.poll.records}: {type(records).__name__}")
        messages = tuple(
            self.incoming(call, part) for record in records for part in self.parts_of(connection, call, record)
        )
        theirs = connection.now - getattr(connection.http, "ahead", timedelta())
        there, has_more = rest_of(call.poll, window, said, records, position, now, theirs)
        return Page(messages, there | ({"until": end} if end else {}), has_more)

    def parts_of(self, connection: Connection, call: Call, record: Any) -> Iterable[Any]:
        """Give what a polled record holds, each of which is a message; the record itself where nothing else is said."""
        return (record,)

    def position_at(
        self, connection: Connection, operation: str, since: datetime, until: datetime | None = None
    ) -> Any:
        """Give the position at rest from which changes since a time are asked for, and no later ones than `until`."""
        there = {"from": since.astimezone(UTC).isoformat()}
        return there | ({"until": until.astimezone(UTC).isoformat()} if until else {})

    def incoming(self, call: Call, record: Any) -> Incoming:
        """Give a record as a message: one of its kind and version is the same whether it was polled or pushed."""
        name = as_text(at(record, call.poll.id)) if call.poll else ""
        version = as_text(at(record, call.poll.version)) if call.poll and call.poll.version else ""
        raw = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        version = version or sha256(raw.encode()).hexdigest()[:20]
        return Incoming(f"{name}@{version}" if name else version, record, name, f"{self.key}.{call.key}", raw=raw)

    def call(self, key: str) -> Call:
        """Give a call by its key. Raises: Failed."""
        for call in self.calls:
            if call.key == key:
                return call
        raise Failed("refused", L("{name} 没有操作 {key}", "{name} has no operation {key}").filled(
            {"name": self.label, "key": key}))  # fmt: skip

    def samples(self, call: Call) -> tuple[Mapping[str, Any], ...]:
        """Give the call's sample payload."""
        return (_payload(self.key, call.sample),) if call.sample else ()

    def health(self, connection: Connection) -> Health:
        """Ask for the first page of the first thing that can be polled, of the last minute."""
        call = next((each for each in self.calls if each.poll), None)
        if call is None:
            return super().health(connection)
        try:
            window = Window(connection.now - timedelta(minutes=1), connection.now, 0, 1)
            self.ask(connection, call, {**(call.fixed or {}), **call.poll.parameters(window)})
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh or fault.kind, en or zh or fault.kind))
        return Health(True, L("可用", "Well"))


def mapping_of(key: str, name: str) -> Mapping[str, Any] | None:
    """Give the mapping NAME.mapping.json of a connector's folder, None where there is none."""
    file = FOLDER / key / f"{name}.mapping.json"
    if not name.isidentifier() or not file.exists():
        return None
    return json.loads(file.read_text(encoding="utf-8"))


def next_window(poll: Poll, position: Any, now: datetime, limit: int) -> Window:
    """Give the window and page that a position leads to.

    Takes:  position: {"from"} at rest; {"from", "to", "page", "size", "after"?} within a window
    """
    there = position if isinstance(position, Mapping) else {}
    begin = datetime.fromisoformat(there["from"]) if there.get("from") else now - poll.first
    if there.get("to"):
        return Window(
            begin, datetime.fromisoformat(there["to"]), int(there["page"]), int(there["size"]), there.get("after", "")
        )  # fmt: skip
    # Whole seconds: the platforms know no less.
    begin, end = begin.replace(microsecond=0), now.replace(microsecond=0)
    size = max(min(limit, poll.size), 2)
    return Window(begin, min(max(end, begin + timedelta(seconds=1)), begin + poll.longest), 0, size)


def rest_of(
    poll: Poll, window: Window, said: Any, records: Sequence[Any], position: Any, now: datetime,
    theirs: datetime | None = None,
) -> tuple[Any, bool]:  # fmt: skip
    """Give the position to go on from after a page, and whether more is there at once.

    A page whose records all changed at one moment is asked for again, larger, up to what the partner gives at once.
    Changes bear the partner's time: no rest lies behind what its clock shows, however far ours runs before it.

    Takes:  theirs: the partner's time as it answered, where its clock is behind ours; else ours
    Raises: Failed("mapping") where that is not enough
    """
    theirs = min(now, theirs or now).replace(microsecond=0)
    known = min(window.end, theirs)
    # Counted pages hold still in a window that has ended for the partner too.
    to = window.end if poll.moves is not None else max(known, window.begin + timedelta(seconds=1))
    within = {"to": to.isoformat(), "size": window.size}
    if poll.moves is not None and len(records) >= window.size:
        last = poll.moves(at(records[-1], poll.version))
        if last <= window.begin and window.size < poll.size:
            wider = {"to": window.end.isoformat(), "size": min(2 * window.size, poll.size)}
            return {"from": window.begin.isoformat(), "page": 0, **wider}, True
        if last <= window.begin:
            words = L("一页的记录修改时间全都相同，无法继续", "All records of a page changed at one moment")
            raise Failed("mapping", words)
        return {"from": last.isoformat(), "page": 0, **within}, True
    if poll.cursor and (after := at(said, poll.cursor)):
        return {"from": window.begin.isoformat(), "page": window.page + 1, "after": as_text(after), **within}, True
    if poll.total:
        is_first = not (isinstance(position, Mapping) and position.get("to"))
        pages = -(-int(at(said, poll.total) or 0) // window.size)
        page = pages - 1 if is_first else window.page - 1
        if page > 0 or (page == 0 and not is_first):
            return {"from": window.begin.isoformat(), "page": page, **within}, True
    # Whether its bounds belong to a window, partners differ; so windows overlap.
    return {"from": (known - poll.overlap).isoformat()}, known < theirs and not poll.is_whole


def judged(
    code: Any, text: Any, *, throttled: frozenset[str] = frozenset(), passing: frozenset[str] = frozenset(),
    denied: frozenset[str] = frozenset(), hide: Sequence[str] = (),
) -> Failed:  # fmt: skip
    """Give what a partner's own code and words mean."""
    code, text = str(code), str(text or "")
    kind: Reason = "refused"
    if code in throttled:
        kind = "throttled"
    elif code in passing:
        kind = "unavailable"
    elif code in denied:
        kind = "not_allowed"
    for secret in hide:
        if secret:
            text = text.replace(secret, "•••")
    return Failed(kind, f"{code}: {text}"[:500], code=code)


def whole(value: Any) -> int:
    """Give a whole number that may have come as text. Raises: Failed("validation")."""
    try:
        number = Decimal(as_text(value))
        if number != number.to_integral_value():
            raise ValueError
    except (ArithmeticError, ValueError):
        raise Failed("validation", L("{value} 不是整数", "{value} is not a whole number").filled(
            {"value": as_text(value)[:40]})) from None  # fmt: skip
    return int(number)


def plain_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Give parameters as the texts that are signed and sent: nothing is left out, lists and objects are JSON."""
    made = {}
    for name, value in parameters.items():
        if value is None:
            continue
        if isinstance(value, bool):
            made[name] = "true" if value else "false"
        elif isinstance(value, Mapping | list | tuple):
            made[name] = compact(value)
        else:
            made[name] = as_text(value)
    return made


def compact(value: Any) -> str:
    """Give JSON without blanks, Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def unix(at_: datetime) -> int:
    return int(at_.timestamp())


def iso(at_: datetime) -> str:
    return at_.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def needed(connection: Connection, name: str) -> str:
    """Give a secret that must be there. Raises: Failed."""
    value = connection.secret(name)
    if not value:
        raise Failed(
            "refused",
            L("外部系统未填写凭据 {name}", "The system's secret {name} has not been entered").filled({"name": name}),
        )
    return value


def renewed(connection: Connection, said: Any, session: str) -> Renewed:
    """Give what a partner answers to the wish for a new session key, by the usual names. Raises: Failed("refused").

    Takes:  said: access_token, refresh_token, expires_in (seconds) or expire_time (milliseconds since 1970)
    """
    said = said if isinstance(said, Mapping) else {}
    if not said.get("access_token"):
        raise Failed("refused", L("对方没有给出新的会话密钥", "The partner gave no new session key"))
    if said.get("expires_in"):
        lasts = timedelta(seconds=whole(said["expires_in"]))
    else:
        lasts = datetime.fromtimestamp(whole(said.get("expire_time") or 0) / 1000, UTC) - connection.now
    if lasts <= timedelta():
        raise Failed("refused", L("对方给的会话密钥已经到期", "The partner gave a session key that has ended"))
    made = {session: as_text(said["access_token"])}
    if said.get("refresh_token"):
        made["refresh_token"] = as_text(said["refresh_token"])
    return Renewed(made, connection.now + lasts, lasts)


def filled_path(path: str, parameters: dict[str, Any]) -> str:
    """Put parameters into a path's slots; they are taken out of the parameters. Raises: Failed where one is missing."""
    def filled(slot: re.Match[str]) -> str:
        value = str(parameters.pop(slot[1], "") or "")
        if value in ("", ".", ".."):
            raise Failed("validation", L("缺少 {name}", "{name} is missing").filled({"name": slot[1]}))
        return quote(value, safe="")

    return re.sub(r"\{(\w+)\}", filled, path)


def data_of(request: Received) -> Any:
    """Give the JSON of a request's body. Raises: Failed("validation")."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise Failed("validation", L("正文不是 JSON", "The body is not JSON")) from None


def header(request: Received, name: str) -> str:
    """Give a header, whatever its case."""
    return next((value for key, value in request.headers.items() if key.lower() == name.lower()), "")


@cache
def _payload(folder: str, name: str) -> Mapping[str, Any]:
    return json.loads((FOLDER / folder / "payloads" / name).read_text(encoding="utf-8"))


# --- shops --------------------------------------------------------------------------------------------------


def _told(name: str) -> Mapping[str, Any]:
    return json.loads((FOLDER / "told.json").read_text(encoding="utf-8"))[name]


def _pulled(name: str, zh: str, en: str, target: str, every: int = 60) -> PresetFlow:
    return PresetFlow(name, L(zh, en), "poll", name, target, None, every=every)


def _heard(name: str, zh: str, en: str, like: str, target: str) -> PresetFlow:
    return PresetFlow(name, L(zh, en), "webhook", like, target, None, mapping=like)


def _pushed(name: str, zh: str, en: str, event: str, target: str, *needs: str, order: str = "strict") -> PresetFlow:
    wanted = " and ".join(("data.shop = settings.shop", *needs))
    return PresetFlow(name, L(zh, en), "event", f"channels.{event}", target, _told(event), wanted, order)


#: What a shop and we tell each other; each shop's preset says which of it its partner can, and brings the mappings.
#: A refund is told where we began it (`refund`), or as our answer to the one that the shop asks for (`answer`).
SHOP_FLOWS: Mapping[str, PresetFlow] = {flow.name: flow for flow in (
    _pulled("orders", "订单", "Orders", "channels.order.receive"),
    _heard("orders_pushed", "订单推送", "Orders pushed", "orders", "channels.order.receive"),
    _pulled("goods", "商品 ID", "Keys of goods", "channels.listing.note_goods", every=900),
    _pushed("stock", "可售库存", "Saleable stock", "offer_changed", "stock", order="newest"),
    _pushed("ship", "发货", "Shipments", "shipment_told", "ship",
            "not data.is_reversed", 'data.tracking_number != ""'),
    _pushed("done", "订单完成", "Orders completed", "shipment_told", "state", "not data.is_reversed", "data.is_all"),
    _pushed("cancel", "取消", "Cancellations", "order_cancelled", "cancel", "data.is_all", "not data.is_outside"),
    _pulled("refunds", "退款", "Refunds", "channels.refund.receive"),
    _pushed("refund", "我方退款", "Our refunds", "refund_decided", "refund",
            'data.outside_refund = ""', 'data.decision = "refunded"'),
    _pushed("answer", "退款答复", "Answers to refunds", "refund_decided", "answer", 'data.outside_refund != ""'),
    _pulled("statements", "结算单", "Statements", "channels.settlement.receive", every=3600),
)}  # fmt: skip
