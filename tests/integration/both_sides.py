"""What must be true of two sides' books when a fault is over; both are said, a line each, at the end of the run.

Each message is held once in effect, or dead with its reason; of each key in order; counts and sums are equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from banyan.integration.models import Attempt, Message
from banyan.kernel import proofs
from banyan.kernel.models import Outbox, Role

PROOFS = ("integration.carried", "integration.claims", "integration.once", "integration.order")
#: What one side made: its ordering key and its number, in the order it came about.
Made = tuple[str, int]
#: What the other side got: by which name, the key, the number, in the order it came, repeats included.
Got = tuple[str, str, int]


def books_agree(
    sender: str, made: Sequence[Made], receiver: str, got: Iterable[Got], dead: Mapping[int, str] | None = None
) -> None:
    """Hold what a receiver has against what a sender made, and say both.

    Takes:  dead: the reasons of those that may never arrive, by number; what is dead must not be held
    """
    died = dict(dead or {})
    received = list(got)
    held = list(dict.fromkeys(received))
    theirs = [n for _, _, n in held]
    lives = [(key, n) for key, n in made if n not in died]
    whole = [n for _, n in made]
    print(f"{sender}: {len(whole)} made, sum {sum(whole)}; to arrive {len(lives)}, sum {sum(n for _, n in lives)}; "
        f"dead {len(died)} {died or ''}".rstrip(),
        f"{receiver}: {len(held)} held, sum {sum(theirs)}, of {len(received)} received", sep="\n")  # fmt: skip
    assert all(died.values()), "something is dead without a reason"
    assert len({name for name, _, _ in held}) == len(held), "one name was used for two things"
    assert (len(held), sum(theirs)) == (len(lives), sum(n for _, n in lives)), "counts or sums differ"
    assert sorted(theirs) == sorted(n for _, n in lives), "something is missing, or there twice"
    assert _by_key(lives) == _by_key((key, n) for _, key, n in held), "a key was overtaken"


def bus_agrees(
    direction: str, made: Sequence[Made], got: Iterable[Got], dead: Mapping[int, str] | None = None, *,
    flow: str = "", number: Callable[[Any], int] | None = None,
) -> None:  # fmt: skip
    """Hold the partner's books, ours and the bus's own against each other when nothing is under way any more.

    Takes:  direction: out: we made it, in: the partner did; number: what a message's body bears, where it is not
            `data.n` (out) or the place in which it came, from 1 (in)
    """
    messages = Message.objects.filter(direction=direction, **({"flow__code": flow} if flow else {})).order_by("seq")
    numbers, done, died, others = [], [], {}, []
    for place, one in enumerate(messages, 1):
        n = number(one.body) if number else one.body["data"]["n"] if direction == "out" else place
        numbers.append(n)
        if one.state == "done":
            done.append(n)
        elif one.state == "dead":
            assert one.error, f"{n} is dead and nothing says why"
            died[n] = one.reason
        else:
            others.append((n, one.state, one.reason, one.error))
    sides = ("ours", "partner") if direction == "out" else ("partner", "ours")
    books_agree(sides[0], made, sides[1], got, died)
    assert others == [], "something is neither done nor dead"
    assert died == dict(dead or {})
    assert sorted(numbers) == sorted(n for _, n in made), "not every message was kept once"
    assert Attempt.objects.filter(message__in=messages, outcome="done").count() == len(done)
    assert red() == []


def sold() -> list[Made]:
    """Give what was sold here, as our own outbox has it."""
    told = Outbox.objects.filter(type="test.sold").order_by("seq").values_list("record", "payload")
    return [(str(record), payload["n"]) for record, payload in told]


def roles(beginning: str) -> list[Got]:
    """Give the roles that were made of what a partner sent, by codes of a beginning and a number."""
    codes = Role.objects.filter(code__startswith=beginning).order_by("code").values_list("code", flat=True)
    return [(code, code, int(code.removeprefix(beginning))) for code in codes]


def red() -> list[Any]:
    """Give the faults that the bus's own proofs find."""
    return [v.found.faults for v in proofs.run(PROOFS) if not v.is_green]


def _by_key(entries: Iterable[Made]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for key, n in entries:
        found[key].append(n)
    return found
