"""A valid input for any noun, made from its spec alone; references are made first, the same way."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from banyan.kernel import registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.nouns import Noun
from banyan.kernel.spec import FieldSpec

_numbers = count(1)


def _three_letters(samples: Samples) -> str:
    n = next(_numbers) % 17576
    return "".join(chr(65 + n // d % 26) for d in (676, 26, 1))


def _with_account(samples: Samples) -> str:
    user = samples.make(registry.noun("kernel.user"))
    return str(samples.make(registry.noun("people.employee"), user=str(user)))


#: What a spec cannot say: values that belong together. A function gives a new value each time.
TOGETHER: dict[str, dict[str, Any]] = {
    "channels.listing": {"item": lambda samples: str(samples.any("items.item"))},
    "channels.rule": {"condition": "total > 100"},
    "company.currency": {"code": _three_letters},
    "exceptions.level": {"sequence": lambda samples: next(_numbers) % 32_000 + 1},
    "integration.system": {
        "connector": "rest", "settings": {"address": "https://shop.example.com"}, "hosts": ["shop.example.com"],
    },
    "integration.flow": {
        "direction": "out", "trigger": "event", "detail": {"events": ["sales.*"]}, "target": "push",
        "filter": "", "key": "",
    },
    "integration.sample": {"input": {"a": 1}, "output": {"a": 1}},
    "inventory.lot": {"item": lambda samples: str(samples.make(registry.noun("items.item"), tracking="lot"))},
    "mapping.key_link": {
        "entity": "parties.party",
        "record": lambda samples: str(samples.make(registry.noun("parties.party"))),
    },
    "mapping.match_rule": {"entity": "parties.party", "field": "code"},
    "mapping.survivorship": {"entity": "parties.party", "field": "name"},
    "parties.party": {"is_customer": True, "is_supplier": True},
    "station.badge": {"employee": lambda samples: _with_account(samples)},
    "watch.alert_rule": {"person": lambda samples: str(samples.any("kernel.user"))},
    "saga.saga": {"trigger": "call", "retries": [], "steps": lambda samples: [
        {"name": "reserve", "title": "预留", "system": str(samples.any("integration.system")), "target": "push"},
    ]},
    "wages.pool": {"team": lambda samples: str(samples.make(registry.noun("people.team")))},
    "people.shift": {"starts_at": "08:00", "ends_at": "16:00"},
}

#: Optional fields, of a noun or of its lines, that a sample gives: their default stands on other records.
ALSO: dict[str, tuple[str, ...]] = {
    "sales.customer_price": ("currency", "valid_from"),
    "sales.quotation": ("plant", "currency"), "sales.quotation.lines": ("price", "tax_code"),
    "sales.order": ("plant", "currency", "exchange_rate"), "sales.order.lines": ("price", "tax_code"),
    "purchasing.supplier_item": ("currency", "valid_from"),
    "purchasing.order": ("plant", "currency", "exchange_rate"),
    "purchasing.order.lines": ("price", "tax_code"),
}  # fmt: skip


class Samples:
    """Makes valid inputs and records of any noun."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.kept: dict[str, UUID] = {}

    def input(self, noun: Noun, **given: Any) -> dict[str, Any]:
        """Give an input for create: required fields, one line where lines are required."""
        also = ALSO.get(noun.spec.key, ())
        data = {
            f.key: self.value(noun, f)
            for f in noun.spec.fields
            if (f.required or f.key in also) and not f.readonly and f.key not in given
        }
        for line in noun.spec.lines:
            if line.required and line.key not in given:
                also = ALSO.get(f"{noun.spec.key}.{line.key}", ())
                data[line.key] = [
                    {
                        f.key: self.value(noun, f)
                        for f in line.fields
                        if (f.required or f.key in also) and not f.readonly
                    }
                ]
        together = {k: v(self) if callable(v) else v for k, v in TOGETHER.get(noun.spec.key, {}).items()}
        return data | together | given

    def make(self, noun: Noun, **given: Any) -> UUID:
        """Create a record; give its key."""
        create = registry.command(noun.spec.permission("create"))
        return execute(self.ctx, create, data={"records": [self.input(noun, **given)]}).ids[0]

    def any(self, key: str) -> UUID:
        """Give a record of a noun: one that exists, else a new one."""
        if key not in self.kept:
            noun = registry.noun(key)
            rows = noun.model._base_manager.order_by("pk").values_list("pk", flat=True)
            if not rows.exists() and "create" not in noun.spec.verbs:
                self.any(next(n.spec.key for n in registry.nouns() if noun.model in n.line_models.values()))
            self.kept[key] = rows.first() or self.make(noun)
        return self.kept[key]

    def value(self, noun: Noun, field: FieldSpec) -> Any:
        """Give a value that the field takes."""
        number = next(_numbers)
        if field.choices:
            return field.choices[0].key
        if field.type == "reference":
            return str(self.any(field.reference)) if field.reference else str(UUID(int=number))
        low = field.minimum if field.minimum is not None else Decimal(1)
        return {
            "text": f"样{number}"[: field.max_length or 40],
            "long_text": "说明 🙂",
            "boolean": True,
            "integer": int(low),
            "decimal": str(low),
            "quantity": str(max(low, Decimal(1))),
            "money": str(max(low, Decimal(1))),
            "percent": str(low),
            "date": "2026-03-02",
            "instant": "2026-03-02T08:00:00Z",
            "time": "08:00",
            "json": {},
            "tags": ["甲"],
            "file": "0" * 64,
        }[field.type]


@pytest.fixture
def samples(ctx: Context) -> Samples:
    """Give the maker of samples."""
    return Samples(ctx)
