"""What a run does next, without database or clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from banyan.lib.labels import L, Label

#: States of a step that is behind a run going forward.
PASSED = frozenset({"done", "skipped"})
#: States of a step in which nothing of it is left to be taken back.
SETTLED = frozenset({"pending", "skipped", "undone", "kept"})


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it stands; `has_undo`: there is a compensation."""

    state: str
    has_undo: bool = True
    is_point: bool = False
    is_unsure: bool = False


def is_past_return(steps: Sequence[Step]) -> bool:
    """Say whether a point of no return is behind; one done by hand counts."""
    return any(step.is_point and step.state in PASSED for step in steps)


def next_forward(steps: Sequence[Step]) -> int | None:
    """Give the place of the step to be done next, None when all are done."""
    return next((place for place, step in enumerate(steps) if step.state not in PASSED), None)


def next_back(steps: Sequence[Step]) -> int | None:
    """Give the place of the step to be taken back next, the latest first; None when nothing is left of any.

    A step that failed for certain left nothing; one that failed and may have happened is taken back like one done.
    """
    for place in range(len(steps) - 1, -1, -1):
        step = steps[place]
        if step.state not in SETTLED and (step.state != "failed" or step.is_unsure):
            return place
    return None


def is_failure_askable(steps: Sequence[Step], place: int) -> bool:
    """Say whether a failed step is for a person: past the point of no return, or when that point may be behind."""
    step = steps[place]
    return is_past_return(steps) or (step.is_point and step.is_unsure)


def contradiction(state: str, is_backward: bool, steps: Sequence[Step]) -> Label | None:
    """Give what in a run's steps does not add up to its state, None when all does."""
    states = [step.state for step in steps]
    under_way = sum(one in ("doing", "undoing") for one in states)
    forward = states[: next((n for n, one in enumerate(states) if one not in PASSED), len(states))]
    rest = states[len(forward) :]
    if under_way > 1:
        return L("有几步同时在做", "several steps are under way")
    taken_back = [step for step in steps if step.state in ("undoing", "undone")]
    if taken_back and (is_past_return(steps) or any(step.is_point and not step.is_unsure for step in taken_back)):
        return L("不可撤回点之前的一步被撤回", "a step was taken back behind the point of no return")
    match state:
        case "waiting" if any(one != "pending" for one in states):
            return L("运行还没开始，步骤已开始", "a step began before the run did")
        case "running" if any(one != "pending" for one in rest[1:]) or rest[:1] not in ([], ["pending"], ["doing"]):
            return L("步骤没有按顺序完成", "steps are not done in their order")
        case "running" if is_backward:
            return L("它在运行，又在撤回", "it runs and is being taken back")
        case "compensating" if "doing" in states or not is_backward:
            return L("它在撤回，却有一步在向前", "it is being taken back and a step goes forward")
        case "done" if rest:
            return L("它已完成，却有一步未完成", "it is done and a step is not")
        case "undone" if next_back(steps) is not None or "doing" in states or not is_backward:
            return L("它已撤回，却有一步未撤回", "it is undone and a step is not")
        case "needs_person" if not is_backward and (any(one != "pending" for one in rest[1:])):
            return L("它在等人处理，却有后面的步骤已开始", "it waits for a person and a later step has begun")
        case "needs_person" if is_backward and "doing" in states:
            return L(
                "撤回中等人处理，却有一步在向前",
                "it waits for a person while being taken back and a step goes forward",
            )
    return None
