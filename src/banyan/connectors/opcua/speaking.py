"""Speaking OPC UA: connect, read with time and quality, write in the node's own type, watch.

asyncua is imported when it is first needed: it takes a second and most processes never speak to a machine.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from banyan.integration.connecting import Failed


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a node as the controller gave it.

    Takes:  at: when the controller measured it (else when its server saw it); is_good: its own word on quality
    """

    node: str
    value: Any
    at: datetime
    is_good: bool
    status: str = ""


@contextmanager
def speaking(url: str, *, user: str = "", password: str = "", seconds: float = 10.0) -> Iterator[Any]:
    """Give a client of a server. Raises: Failed."""
    from asyncua.sync import Client

    # It tells of every session at each level.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    client = Client(url, timeout=seconds)
    if user:
        client.set_user(user)
        client.set_password(password)
    try:
        try:
            client.connect()
        except Exception as error:
            raise failed(error) from error
        try:
            yield client
        except Failed:
            raise
        except Exception as error:
            raise failed(error) from error
        finally:
            try:
                client.disconnect()
            except Exception:  # noqa: S110  the far side may be gone, and what was read is read
                pass
    finally:
        # A connection that was made ends its own loop; one that failed leaves it running.
        if client.tloop.is_alive():
            client.tloop.stop()


def read(client: Any, nodes: Mapping[str, str]) -> Sequence[Reading]:
    """Read all nodes in one call.

    Takes:  nodes: our name → the node's address (`ns=2;s=Line1.Good`)
    """
    found = [client.get_node(address) for address in nodes.values()]
    values = client.read_attributes(found) if found else ()
    return tuple(reading(name, value) for name, value in zip(nodes, values, strict=True))


def write(client: Any, address: str, value: Any) -> None:
    """Write a value in the type that the node has. Raises: Failed where the value is no such type."""
    from asyncua import ua

    node = client.get_node(address)
    kind = node.read_data_type_as_variant_type()
    try:
        fitting = _fit(value, kind.name)
    except (TypeError, ValueError) as error:
        raise Failed("validation", f"{address} takes {kind.name}, not {value!r}"[:300]) from error
    node.write_value(ua.DataValue(ua.Variant(fitting, kind)))


@contextmanager
def watching(
    client: Any, nodes: Mapping[str, str], told: Callable[[Reading], None], *, every_ms: int = 200
) -> Iterator[None]:
    """Be told of each change of the nodes, in the client's own thread, until the block ends."""
    names: dict[str, str] = {}

    class Handler:
        def datachange_notification(self, node: Any, _value: Any, data: Any) -> None:
            told(reading(names[node.nodeid.to_string()], data.monitored_item.Value))

    found = []
    for name, address in nodes.items():
        node = client.get_node(address)
        names[node.nodeid.to_string()] = name
        found.append(node)
    subscription = client.create_subscription(every_ms, Handler())
    try:
        # The controller keeps what changes between two deliveries, and gives all of it.
        subscription.subscribe_data_change(found, queuesize=1000)
        yield
    finally:
        try:
            subscription.delete()
        except Exception:  # noqa: S110  a lost connection has lost its subscription too
            pass


def reading(name: str, value: Any) -> Reading:
    """Give what a data value says as plain data."""
    at = value.SourceTimestamp or value.ServerTimestamp or datetime.now(UTC)
    status = value.StatusCode
    good = status is None or status.is_good()
    plain_value = _plain(value.Value.Value) if value.Value is not None else None
    return Reading(name, plain_value, at.replace(tzinfo=at.tzinfo or UTC), good, "" if good else status.name)


def failed(error: BaseException) -> Failed:
    """Say what an error of asyncua or of the server means for a message."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, TimeoutError):
        return Failed("timeout", "the controller did not answer in time")
    name = type(error).__name__
    if isinstance(error, OSError) or name in PASSING:
        return Failed("transport", f"{name}: {error}"[:300])
    if name in ("BadUserAccessDenied", "BadIdentityTokenRejected", "BadIdentityTokenInvalid", "BadNotWritable"):
        return Failed("not_allowed", f"the controller refuses: {name}", code=name)
    if name in ("BadNodeIdUnknown", "BadNodeIdInvalid"):
        return Failed("gone", f"the controller knows no such node: {error}"[:300], code=name)
    return Failed("refused", f"{name}: {error}"[:300], code=name)


PASSING = frozenset({
    "BadConnectionClosed", "BadSessionClosed", "BadSessionIdInvalid", "BadServerHalted", "BadTimeout",
    "BadTooManySessions", "BadCommunicationError", "BadShutdown", "BadSecureChannelClosed", "CancelledError",
})  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).isoformat()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def _fit(value: Any, kind: str) -> Any:
    if isinstance(value, list):
        return [_fit(each, kind) for each in value]
    if kind == "Boolean":
        if not isinstance(value, bool):
            raise TypeError
        return value
    if kind in ("Float", "Double"):
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    if kind in ("Byte", "SByte") or "Int" in kind:
        whole = int(value)
        if isinstance(value, bool) or whole != float(value):
            raise ValueError
        bits, signed = (8 if "Byte" in kind else int(kind[-2:])), not kind.startswith(("U", "Byte"))
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if not low <= whole <= high:
            raise ValueError
        return whole
    if kind == "DateTime":
        return datetime.fromisoformat(value).astimezone(UTC).replace(tzinfo=None)
    return str(value)


def milliseconds(since: float) -> float:
    """Give the milliseconds since a moment of `time.perf_counter`."""
    return (time.perf_counter() - since) * 1000
