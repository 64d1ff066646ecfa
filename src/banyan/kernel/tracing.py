"""Steps of traces that go to a collector: begun and ended around calls, commands, messages and jobs.

    with tracing.begin("sales.order.confirm", ctx.trace, begins=True) as step:
        ctx = step.of(ctx)                      # what is done and told with it is a step of this one
        step.say(outcome="done")

Without BANYAN_OTLP_ENDPOINT every step is `NOTHING` and what sends them is not even loaded. A trace that comes in is
recorded where its partner's flag says so; of what comes without one, the share BANYAN_OTLP_SAMPLE. What is said of a
step is codes, counts and keys: never a payload, a secret, or what tells of a person.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import UUID

from banyan.kernel.context import Context
from banyan.lib import traces
from banyan.lib.errors import DomainError

if TYPE_CHECKING:
    from banyan.kernel.exporting import Exporter
    from banyan.lib.otlp import Kind

_exporter: Exporter | None = None
_share = 1.0
#: The trace of what this thread does for itself, such as a job that no command started.
_around: ContextVar[str | None] = ContextVar("trace", default=None)


class Step:
    """A step under way. `trace` is what goes on from it: the `traceparent` with this step as parent."""

    __slots__ = ("_begun", "_clock", "_exporter", "facts", "fault", "kind", "name", "parent", "trace")

    def __init__(self, exporter: Exporter, name: str, kind: Kind, trace: str, parent: str, facts: dict) -> None:
        self._exporter, self.name, self.kind, self.trace, self.parent, self.facts = (
            exporter, name, kind, trace, parent, facts,
        )  # fmt: skip
        self.fault: str | None = None
        self._begun, self._clock = time.time_ns(), time.perf_counter_ns()

    def of(self, ctx: Context) -> Context:
        """Give a context whose acts are steps of this one."""
        return ctx.with_(trace=self.trace)

    def say(self, **facts: Any) -> None:
        """Say of it: `banyan.` is put before a bare name, `__` stands for a dot."""
        self.facts.update(facts)

    def fail(self, code: str) -> None:
        """Say that it went wrong, by a short code."""
        self.fault = code

    def end(self, since: float | None = None) -> None:
        """Hand it on to be sent.

        Takes:  since: by `time.perf_counter`, when it began, where that was before anybody knew of a trace
        """
        from banyan.lib.otlp import Span

        now = time.perf_counter_ns()
        ended = self._begun + now - self._clock
        begun = self._begun if since is None else ended - max(0, now - int(since * 1e9))
        facts = {_named(key): value for key, value in self.facts.items()}
        self._exporter.take(Span(self.trace, self.parent, self.name, self.kind, begun, ended, facts, self.fault))

    def __enter__(self) -> Step:
        return self

    def __exit__(self, _: object, fault: BaseException | None, __: object) -> None:
        if isinstance(fault, DomainError):
            self.say(outcome="refused", refusal=fault.code)
        elif fault is not None:
            self.say(error__type=type(fault).__name__)
            self.fail("fault")
        self.end()

    def __bool__(self) -> bool:
        return True


class _Nothing(Step):
    """The step of what is not recorded: nothing is kept of it, and what it does goes on as before."""

    __slots__ = ()

    def __init__(self) -> None:
        self.trace, self.parent = "", ""

    def of(self, ctx: Context) -> Context:
        return ctx

    def say(self, **facts: Any) -> None:
        pass

    def fail(self, code: str) -> None:
        pass

    def end(self, since: float | None = None) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def __bool__(self) -> bool:
        return False


NOTHING = _Nothing()


def _named(key: str) -> str:
    return key.replace("__", ".") if "__" in key else f"banyan.{key}"


def is_on() -> bool:
    """Say whether steps are sent to a collector."""
    return _exporter is not None


def begin(
    name: str, trace: str | None, *, kind: Kind = "internal", key: UUID | None = None, begins: bool = False,
    **facts: Any,
) -> Step:
    """Begin a step of a trace; `NOTHING` where it is not recorded.

    Takes:  trace: the `traceparent` it belongs to, if any; key: whose tail is its name; begins: whether it is the first
            of a new trace where it belongs to none, drawn by lot; facts: as `Step.say` takes them
    """
    exporter = _exporter
    if exporter is None:
        return NOTHING
    if trace is None:
        trace = _around.get()
    step, parent = key.hex[16:] if key else secrets.token_hex(8), ""
    if trace is None:
        if not begins or random.random() >= _share:
            return NOTHING
        own = f"00-{secrets.token_hex(16)}-{step}-01"
    elif traces.is_recorded(trace):
        own, parent = f"{trace[:36]}{step}{trace[52:]}", traces.step_of(trace)
    else:
        return NOTHING
    return Step(exporter, name, kind, own, parent, facts)


@contextmanager
def around(step: Step) -> Iterator[Step]:
    """Let what happens here without a trace of its own be a step of this one, which ends with it."""
    token = _around.set(step.trace or None)
    try:
        with step:
            yield step
    finally:
        _around.reset(token)


# --- switching on and off ---------------------------------------------------------------------------------------


def set_up(address: str, headers: Mapping[str, str] | None = None, share: float = 1.0, **more: Any) -> None:
    """Send steps to a collector from now on; an empty address ends that.

    Takes:  headers: may hold a secret; share: of the traces that begin here, 0 to 1; more: as `Exporter` takes it
    """
    global _exporter, _share
    end()
    if not address:
        return
    from banyan.kernel.exporting import Exporter

    _exporter, _share = Exporter(address, headers or {}, **more), share


def end() -> None:
    """Send what is left, as long as that takes no more than moments, and send nothing from now on."""
    global _exporter
    was, _exporter = _exporter, None
    if was is not None:
        was.end()


def exporter() -> Exporter | None:
    """Give what sends the steps of this process, None where nothing does."""
    return _exporter


def _start_anew() -> None:
    """Let a forked process send what is its own and nothing of its parent's."""
    global _exporter
    if _exporter is not None:
        _exporter = _exporter.anew()


os.register_at_fork(after_in_child=_start_anew)
