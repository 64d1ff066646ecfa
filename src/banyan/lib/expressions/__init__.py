"""One small language for conditions, formulas, mappings and permissions: typed, bounded, without effects.

    rush = compile('priority = "rush" and sum(lines.quantity * lines.price) < 5000', types, expects=Type.BOOL)
    rush.evaluate({"priority": "rush", "lines": [{"quantity": Decimal(2), "price": Decimal("9.90")}]})

What it means is written down in README.md beside this file; the cases in tests/lib/expressions.json are
the proof, and a browser runs the same cases over `to_json()`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from banyan.lib.expressions.checker import checked
from banyan.lib.expressions.evaluator import MOST_STEPS, Run, Value, handed_out
from banyan.lib.expressions.faults import ExpressionFailed, ExpressionFault, fault
from banyan.lib.expressions.nodes import Node, Type, as_json
from banyan.lib.expressions.parser import parsed

__all__ = ["MOST_STEPS", "Expression", "ExpressionFailed", "ExpressionFault", "Type", "Value", "compile"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: its text, the type of its value, the names it reads."""

    text: str
    type: Type
    names: frozenset[str]
    root: Node

    def evaluate(self, env: Mapping[str, Any], most_steps: int = MOST_STEPS) -> Value:
        """Give the value for one set of named values.

        Takes:  env: nested by the dots of the names; rows as a sequence of mappings; int or Decimal,
                str, bool, date or None. `today` is a name like any other: there is no clock inside
        Gives:  Decimal, str, bool, date, a tuple of these, or None for unknown
        Raises: ExpressionFailed, with the position in the text
        """
        return handed_out(Run(env, most_steps).value(self.root))

    def to_json(self) -> dict[str, Any]:
        """Give the checked tree as JSON data, for an evaluator elsewhere."""
        return {
            "format": FORMAT,
            "text": self.text,
            "type": self.type.value,
            "names": sorted(self.names),
            "root": as_json(self.root),
        }


def compile(text: str, types: Mapping[str, str], expects: Type | str | None = None) -> Expression:
    """Give the expression for a text, checked before it ever meets a value.

    Takes:  types: by dotted name "number", "text", "bool", "date", "list<number>" and so on for many
            values, and "list" for rows, whose members follow it ("lines": "list",
            "lines.quantity": "number"); expects: the type that the whole must have
    Raises: ExpressionFault, in words, with the position (from 1) in the data
    """
    known = {name: Type(kind) for name, kind in types.items()}
    root, kind, names = checked(parsed(text), known)
    if expects is not None and kind not in (Type(expects), Type.NULL):
        raise fault("wrong_result", 0, wanted=Type(expects).label, found=kind.label)
    return Expression(text, kind, names, root)
