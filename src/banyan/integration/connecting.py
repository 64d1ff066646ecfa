"""What a connector is: a few functions by which the bus speaks to a kind of outside system.

    @connector
    class Rest(Connector):
        key = "rest"
        label = L("REST 接口", "REST interface")
        settings = RestSettings                 # Pydantic; drawn as a form, kept as JSON in the system
        secrets = ("token",)                    # names of what is sealed

        def send(self, connection, out): ...

A connector holds no state between calls but what it can lose: connections may be pooled, nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel

from banyan.lib import traces
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, Label

#: Why a message did not reach its effect. The first five are tried again, the others are dead at once.
Reason = Literal[
    "transport", "timeout", "throttled", "unavailable", "busy",
    "refused", "mapping", "validation", "gone", "too_large", "forged", "not_allowed", "environment", "source_reused",
    "loop",
]  # fmt: skip
#: The code of a try that ended before anything was sent, so that nothing can have happened at the partner.
UNREACHED = "unreached"
PASSING: frozenset[str] = frozenset({"transport", "timeout", "throttled", "unavailable", "busy"})


class Failed(Exception):
    """A try that did not succeed.

    Takes:  kind: the reason code; text: what the partner or the network said, at most a few lines, no secret in it,
            or our own words in both languages; code: the partner's own code, such as an HTTP status;
            retry_after: seconds the partner asked to wait
    Gives:  `text` with both languages on two lines where our own words were given
    """

    def __init__(self, kind: Reason, text: str | Label, *, code: str = "", retry_after: float | None = None) -> None:
        said = f"{text.zh}\n{text.en}" if isinstance(text, Label) else text
        super().__init__(said)
        self.kind, self.text, self.code, self.retry_after = kind, said, code, retry_after

    @property
    def is_passing(self) -> bool:
        """Say whether it is worth trying again."""
        return self.kind in PASSING


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a system can be asked or can tell.

    Takes:  ways: how it may be used; input and output: JSON Schema of the body, empty where unknown;
            samples: real payloads, for the mapping bench and for pinned tests
    """

    key: str
    label: Label
    ways: frozenset[Literal["send", "poll", "receive"]]
    input: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    samples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `id` is the same at every try, so that the partner can know it again.

    `trace` is the `traceparent` of the event it tells, None where nobody traces it. `step` is the key of this try,
    where it is recorded as a step of its own.
    """

    id: UUID
    operation: str
    body: Any
    key: str = ""
    type: str = ""
    at: datetime | None = None
    attempt: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)
    trace: str | None = None
    step: UUID | None = None

    @property
    def traceparent(self) -> str | None:
        """Give the trace with this message, or the present try, as the step the partner goes on from."""
        return traces.step(self.trace, self.step or self.id) if self.trace else None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the partner answered: JSON data for the flow's reply handling, and its own code."""

    reply: Any = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of the partner.

    Takes:  id: the partner's own name of it, or a hash of what makes it one; body: JSON data;
            key: what it must stay in order with; raw: the body as received, kept where it matters (frozen orders);
            trace: the `traceparent` that it bears itself, kept where it is well-formed
            fault: why it cannot be taken, such as its size: it is kept dead with that reason, and holds nothing up
    """

    id: str
    body: Any
    key: str = ""
    type: str = ""
    at: datetime | None = None
    raw: str = ""
    trace: str | None = None
    fault: Failed | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What a poll gave: messages in the partner's order, the position to go on from, whether more is there at once.

    `confirm` tells the partner that they are kept; it is called after the commit that keeps them.
    """

    messages: tuple[Incoming, ...] = ()
    position: Any = None
    has_more: bool = False
    confirm: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A request that came in for a system: as it was on the wire."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What a partner's request is answered: a body in the partner's own form."""

    body: bytes = b""
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a partner gave in the place of a session key that ends.

    Takes:  secrets: by the names of the connector's, all that are new; ends_at: of the session key; lasts: how long it
            was given for
    """

    secrets: Mapping[str, str]
    ends_at: datetime
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a system can be reached, in words; `ms` is the time of the round trip."""

    is_well: bool
    text: Label
    ms: float | None = None


@dataclass(frozen=True)
class Connection:
    """A system as a connector sees it. `secret` reveals a secret by name for the length of a call.

    Takes:  http: the guarded client (integration.guard), the only way out to HTTP; allows: checks a host and port
            before any other socket is opened and gives the address to use
    """

    system: str
    environment: Literal["test", "production"]
    settings: Any
    secret: Callable[[str], str]
    http: Any
    allows: Callable[[str, int], str]
    now: datetime
    timeout: float = 20.0
    most_bytes: int = 5_000_000


@dataclass(frozen=True, slots=True)
class PresetFlow:
    """A flow that a connector brings along, made a draft by `integration.flow.add_presets`.

    Takes:  name: of the flow, and of the connector's mapping for it; subject: the operation or the event that it
            begins with; filter: an expression that may read `settings.NAME`; sample: what comes in, or is told,
            none where it names records that every place has its own of;
            mapping: the connector's mapping where it is another flow's; is_asked_for: it is made by its name only;
            routes: other events of the same document, each by its own filter, mapping and target, in one order with it
    """

    name: str
    label: Label
    trigger: Literal["event", "poll", "webhook"]
    subject: str
    target: str
    sample: Any
    filter: str = ""
    order: Literal["strict", "newest", "free"] = "strict"
    every: int = 60
    mapping: str = ""
    is_asked_for: bool = False
    routes: Sequence[PresetFlow] = ()

    @property
    def direction(self) -> Literal["in", "out"]:
        return "out" if self.trigger == "event" else "in"

    @property
    def detail(self) -> dict[str, Any]:
        """Give how the flow begins, as flows keep it."""
        if self.trigger == "event":
            return {"events": [self.subject, *(one.subject for one in self.routes)]}
        return {"operation": self.subject} | ({"every": self.every} if self.trigger == "poll" else {})


@dataclass(frozen=True, slots=True)
class PresetScan:
    """What is compared each night with a partner: it begins with the flow that tells it, or that reads it.

    Takes:  event and target: of the flow it begins with: the event it tells, by which it is sent again, or the
            operation it polls; where: our condition;
            within: the setting and the noun of the place of ours that the condition reads as {place};
            made_by: our field of who wrote it: where no place is set, what the account of the system that brings it in
            wrote is compared
            key, at, amount: our field, and the path there; no path of `at`: they list what is there now; our key
            `message`: what the flow that reads it made, by the partner's own name of the message;
            holds: of what they list, an expression;
            operation: what is listed by, else what is polled;
            read_by: the command whose flow of this system reads the list, through its mapping;
            brought_by: the code of the mapping by which it comes in, where that is by a flow of another system too
            is_sent_again: what they lack can be told again by the flow it begins with
    """

    name: str
    label: Label
    event: str
    target: str
    noun: str
    where: str
    key: tuple[str, str]
    at: tuple[str, str]
    amount: tuple[str, str] = ("", "")
    holds: str = ""
    within: tuple[str, str] = ("", "")
    made_by: str = ""
    operation: str = ""
    read_by: str = ""
    brought_by: str = ""
    is_sent_again: bool = True


class Connector:
    """Base of every connector: what it does not override, it cannot do."""

    key: ClassVar[str]
    label: ClassVar[Label]
    help: ClassVar[Label | None] = None
    settings: ClassVar[type[BaseModel]]
    secrets: ClassVar[tuple[str, ...]] = ()
    #: The secret that ends and is renewed by `renew`, with the help of the secret `refresh_token`.
    session: ClassVar[str] = ""
    #: How long before its end it is renewed, a third of its time at most.
    renews_before: ClassVar[timedelta] = timedelta(days=1)
    #: Values of one delivery may go in one call: `send_many` is used where it is given.
    sends_many: ClassVar[bool] = False
    #: The operation that tells people something: it takes {"text"}, and the connector gives it the partner's form.
    tells: ClassVar[str] = ""
    #: It tells single persons: it takes {"to"} as well, the accounts that key links of users give for its system.
    tells_each: ClassVar[bool] = False
    #: What is polled is held for who polled it until it is confirmed: nobody can look at it in passing.
    holds_polled: ClassVar[bool] = False

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give what the system can be asked and can tell."""
        return ()

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Give a mapping's definition that comes with the connector. Raises: NotFound."""
        text = L("连接器 {key} 没有名为 {name} 的映射", "The connector {key} brings no mapping named {name}")
        raise NotFound("mapping_unknown", text, {"key": self.key, "name": name})

    def presets(self) -> Sequence[PresetFlow]:
        """Give the flows that come with the connector; a mapping of each stands under its name."""
        return ()

    def scans(self) -> Sequence[PresetScan]:
        """Give what is compared with such a partner without anybody having made it."""
        return ()

    def poll(self, connection: Connection, operation: str, position: Any, limit: int) -> Page:
        """Give what is new since a position, at most so many; None is the position of the first call."""
        raise Failed("refused", f"{self.key} cannot be polled")

    def position_at(
        self, connection: Connection, operation: str, since: datetime, until: datetime | None = None
    ) -> Any:
        """Give the position from which a poll lists what changed since a time; None: it lists from the beginning.

        Takes:  until: where it may stop; what it lists beyond says its own time
        """
        return None

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Check a request that came in (signature, age, size) and give its messages. Raises: Failed("forged")."""
        raise Failed("refused", f"{self.key} takes no requests")

    def answer(self, connection: Connection, operation: str, taken: int, fault: Failed | None) -> Reply:
        """Give what the partner is answered once its messages are kept, or were refused."""
        if fault is None:
            return Reply(b'{"ok":true}')
        return Reply(refusal_of(fault), 503 if fault.is_passing else 401 if fault.kind == "forged" else 422)

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Bring one message to the system. Raises: Failed."""
        raise Failed("refused", f"{self.key} cannot be sent to")

    def send_many(self, connection: Connection, outs: Sequence[Outgoing]) -> Sequence[Sent | Failed]:
        """Bring several messages; one answer each, in their order."""
        raise NotImplementedError

    def renew(self, connection: Connection) -> Renewed:
        """Ask for a new session key. Raises: Failed."""
        raise Failed("refused", f"{self.key} has no session key to renew")

    def health(self, connection: Connection) -> Health:
        """Ask the system something cheap that proves address, name and right."""
        return Health(True, L("不支持检测", "Cannot be checked"))


def refusal_of(fault: Failed) -> bytes:
    """Give what a partner is answered whose request is refused; a forger learns nothing but that."""
    said = {"ok": False, "reason": fault.kind}
    if fault.kind != "forged" and fault.text:
        said["text"] = fault.text.splitlines()[-1][:300]
    return orjson.dumps(said)


_connectors: dict[str, Connector] = {}


def connector(made: type[Connector]) -> type[Connector]:
    """Register a connector; its key is its folder's name."""
    if made.key in _connectors:
        raise TypeError(f"connector {made.key} is registered twice")
    _connectors[made.key] = made()
    return made


def connector_of(key: str) -> Connector:
    """Give the connector of that key. Raises: NotFound."""
    found = _connectors.get(key)
    if found is None:
        text = L("没有名为 {key} 的连接器", "There is no connector named {key}")
        raise NotFound("connector_unknown", text, {"key": key})
    return found


def connectors() -> tuple[Connector, ...]:
    """Give all connectors, by key."""
    return tuple(_connectors[key] for key in sorted(_connectors))
