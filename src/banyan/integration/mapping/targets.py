"""What can be written to: the fields of a command's input or of a noun, with type and label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from banyan.kernel import registry
from banyan.kernel.access import visible
from banyan.kernel.context import Context
from banyan.lib.labels import Label
from banyan.web import controls

MOST_DEEP = 4
#: How a value usually comes to a target of a type.
USUAL = {
    "decimal": "number", "integer": "integer", "date": "date", "instant": "instant", "boolean": "bool", "text": "trim",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TargetField:
    """One field that a mapping may write.

    Takes:  path: as a line's target has it; required: within its row; reference: the noun whose record it takes;
            choices: the values there are; converter: the usual one, to begin with
    """

    path: str
    label: Label
    type: str
    required: bool
    reference: str = ""
    choices: tuple[str, ...] = ()
    converter: str = ""


def targets_of(ctx: Context, kind: str, key: str) -> tuple[TargetField, ...]:
    """Give the fields of a target; none where the target is not known here.

    Takes:  kind: command, noun or operation, as a mapping table names it
    """
    if kind == "command" and registry.has_command(key):
        command = registry.command(key)
        model = command.input_model()
        if model is None:
            return ()
        if command.name == "create" and registry.has_noun(command.noun) and set(model.model_fields) == {"records"}:
            return _of_noun(ctx, command.noun, "records[].")
        return targets_of_model(model)
    return _of_noun(ctx, key) if kind == "noun" and registry.has_noun(key) else ()


def _of_noun(ctx: Context, key: str, prefix: str = "") -> tuple[TargetField, ...]:
    """Give the fields of a noun that a person may write, which know more than its input's model: the choices."""
    spec = registry.noun(key).spec
    fields = [controls.of_field(f) for f in visible(ctx, spec.fields) if not f.readonly]
    grids = [controls.of_lines(ctx, line) for line in spec.lines]
    return tuple(_walked([*fields, *grids], prefix, 0))


def targets_of_model(model: type[BaseModel]) -> tuple[TargetField, ...]:
    """Give the fields of a Pydantic model, lists as `lines[].item`."""
    return tuple(_walked(controls.of_model(model), "", 0))


def _walked(found: Iterable[controls.Control], prefix: str, depth: int) -> Iterator[TargetField]:
    for one in found:
        path = f"{prefix}{one.key}"
        if one.kind in ("rows", "group") and depth < MOST_DEEP:
            yield from _walked(one.columns, f"{path}[]." if one.kind == "rows" else f"{path}.", depth + 1)
            continue
        is_many = one.kind in ("references", "tags")
        yield TargetField(
            f"{path}[]" if is_many else path, one.label, one.kind, one.required, one.reference or "",
            tuple(option.key for option in one.options), _usual(one),
        )  # fmt: skip


def _usual(one: controls.Control) -> str:
    if one.kind in ("reference", "references") and one.reference:
        return f"ours({one.reference})"
    if one.options:
        return "map({})".format(", ".join(f"={option.key}" for option in one.options[:4]))
    return USUAL.get(one.kind, "")
