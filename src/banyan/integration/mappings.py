"""The one place where the bus meets mapping tables: a definition and bodies give values, or say why not.

A definition in a flow is empty (the body as it is), `{"table": "CODE"}` (what the table says when the flow is switched
on), `{"preset": "woocommerce.orders"}` (what that connector brings along), or written out as
banyan.integration.mapping.definition says. Beside it may stand `"settings": {"shop": "S1"}`: what expressions read as
`settings.NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from banyan.integration.connecting import Failed, connector_of
from banyan.integration.mapping import queries
from banyan.integration.mapping.applying import apply as applied
from banyan.integration.mapping.definition import Mapping as Compiled
from banyan.integration.mapping.definition import compile_mapping
from banyan.lib.errors import DomainError

SETTINGS = "settings"


def frozen(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Give a mapping as it is kept in a flow's version. Raises: NotFound, DefinitionFault"""
    if not definition:
        return {}
    made = {name: given for name, given in definition.items() if name != SETTINGS}
    if set(made) == {"table"}:
        made = dict(queries.definition_of(str(made["table"])))
    elif set(made) == {"preset"}:
        connector, _, name = str(made["preset"]).partition(".")
        made = dict(connector_of(connector).mapping(name))
    compile_mapping(made)
    settings = definition.get(SETTINGS)
    return made | {SETTINGS: dict(settings)} if settings else made


def check(definition: Mapping[str, Any]) -> None:
    """Raises: NotFound, DefinitionFault where a mapping cannot be frozen."""
    frozen(definition)


def apply(definition: Mapping[str, Any], body: Any, *, system: str = "") -> Any:
    """Give what a mapping makes of a body. Raises: Failed("mapping")."""
    (value,) = apply_all(definition, [body], system=system)
    if isinstance(value, Failed):
        raise value
    return value


def apply_all(definition: Mapping[str, Any], bodies: Sequence[Any], *, system: str = "") -> list[Any]:
    """Give what a mapping makes of bodies, in their order; what all of them look up is read at once.

    Gives:  JSON data, or a Failed("mapping") that names every fault of a body
    """
    if not definition:
        return list(bodies)
    try:
        plain = {name: given for name, given in definition.items() if name != SETTINGS}
        compiled = _compiled(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS))
        settings = definition.get(SETTINGS)
        facts = queries.facts_for(compiled, bodies, system=system, today=datetime.now(UTC).date(), settings=settings)
    except DomainError as refusal:
        return [_said(refusal)] * len(bodies)
    found: list[Any] = []
    for body in bodies:
        mapped = applied(compiled, body, facts)
        found.append(mapped.plain() if mapped.is_ok else _said(mapped.refusal()))
    return found


def _said(refusal: DomainError) -> Failed:
    lines = [refusal.label.zh, refusal.label.en]
    for path, texts in refusal.field_texts("zh").items():
        lines += [f"{path}: {text}" for text in texts]
    return Failed("mapping", "\n".join(lines)[:4000])


@lru_cache(maxsize=256)
def _compiled(definition: bytes) -> Compiled:
    return compile_mapping(orjson.loads(definition))
