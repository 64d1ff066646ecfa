"""What must never be false, proved again from the ledgers: each module registers its lines, `verify` runs all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from banyan.kernel import db
from banyan.lib.labels import Label

SHOWN = 20
#: What faults say: a label, one per code, or a string where the columns alone say it.
Text = str | Label | Mapping[str, Label]


@dataclass(frozen=True, slots=True)
class Fault:
    """One breach: which record, what is expected, what is there; a label is said in both languages at once."""

    noun: str
    record: str
    text: str | Label

    def __post_init__(self) -> None:
        if isinstance(self.text, Label):
            object.__setattr__(self, "text", f"{self.text.zh} / {self.text.en}")


@dataclass(frozen=True, slots=True)
class Found:
    """What a proof saw: how many things it compared, and the breaches (at most SHOWN of `broken` are listed)."""

    counted: int
    faults: tuple[Fault, ...] = ()
    broken: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """A line of `banyan verify`."""

    key: str
    label: Label
    function: Callable[[], Found]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A proof with what it found and how long it took."""

    proof: Proof
    found: Found
    seconds: float

    @property
    def is_green(self) -> bool:
        return not self.found.broken


_proofs: dict[str, Proof] = {}


def proof(key: str, label: Label) -> Callable[[Callable[[], Found]], Callable[[], Found]]:
    """Register a proof: a function that gives what it found, in set-based statements."""

    def register(function: Callable[[], Found]) -> Callable[[], Found]:
        _proofs[key] = Proof(key, label, function)
        return function

    return register


def none_of(noun: str, *, counted: str, faults: str, text: Text, params: Sequence = ()) -> Found:
    """Give what two statements say: how many things there are, and which are broken.

    Takes:  counted: SQL giving one number; faults: SQL giving rows whose first column is the record's key;
            text: a label whose sides are format strings over the columns of a fault row ({0} is the key); a string
            where the columns alone say it; a table of labels by the code in the second column, where faults are of
            several kinds. The SQL holds codes, never words for people
    """
    total = db.one(counted)[0]
    rows = db.rows(faults, params)
    return Found(total, tuple(Fault(noun, str(r[0]), _worded(text, r)) for r in rows[:SHOWN]), len(rows))


def _worded(text: Text, row: Sequence) -> str | Label:
    if isinstance(text, Mapping):
        text = text[row[1]]
    if isinstance(text, Label):
        return Label(text.zh.format(*row), text.en.format(*row))
    return text.format(*row)


def proofs() -> tuple[Proof, ...]:
    """Give all proofs, by key."""
    return tuple(_proofs[key] for key in sorted(_proofs))


def run(keys: Sequence[str] = ()) -> tuple[Verdict, ...]:
    """Run all proofs, or those named, on one snapshot of the database, and give their verdicts in key order.

    Raises: LookupError for a name that is no proof's
    """
    if unknown := sorted(set(keys) - set(_proofs)):
        raise LookupError(f"no such proof: {', '.join(unknown)}")
    verdicts = []
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost:
            db.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for one in proofs():
            if not keys or one.key in keys:
                began = time.perf_counter()
                found = one.function()
                verdicts.append(Verdict(one, found, time.perf_counter() - began))
    return tuple(verdicts)
