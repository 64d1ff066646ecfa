"""A command of the registry done with what a mapping gave, and its refusal in words that a message keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from banyan.integration.connecting import Failed, Reason
from banyan.kernel import commands, registry
from banyan.kernel.commands import Command, Contended, Outcome, execute
from banyan.kernel.context import Context
from banyan.lib.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound

#: In what a mapping gives, beside the command's input: the records it acts on, by key, number or code.
RECORDS = "records_of"


def perform(
    ctx: Context, key: str, value: Any, *, after: Callable[[Outcome], None] = lambda made: None
) -> Outcome:
    """Run a command by its key with what a mapping gave, and what belongs to it. Raises: DomainError, Failed."""
    command = registry.command(key)
    ids, data = input_of(command, value)
    refusal: DomainError | None = None
    # What is deferred to the commit is checked here, where it can still be said of whom. A refusal is let out of the
    # savepoint, so that its audit line stays.
    with transaction.atomic():
        try:
            outcome = execute(ctx, command, ids=ids, data=data)
        except DomainError as found:
            refusal = found
        else:
            after(outcome)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    if isinstance(refusal, Contended):
        raise Failed("busy", said(refusal), code=refusal.code) from refusal
    if refusal is not None:
        raise refusal
    return outcome


def rehearse(ctx: Context, key: str, value: Any) -> None:
    """Run a command with what a mapping gave and take everything back. Raises: DomainError, Failed."""
    command = registry.command(key)
    ids, data = input_of(command, value)
    commands.rehearse(ctx, command, ids=ids, data=data)


def input_of(command: Command, value: Any) -> tuple[Sequence[UUID], Any]:
    """Give the records a command acts on and its input, from what a mapping gave.

    A create takes the record itself, or a list of them. A command on records takes `records_of`: keys, numbers or
    codes, beside its input.
    """
    if command.on == "noun":
        if command.creates and command.name == "create":
            records = value if isinstance(value, list) else [value]
            if not (isinstance(value, Mapping) and set(value) == {"records"}):
                return (), {"records": records}
        return (), value
    if not isinstance(value, Mapping) or not value.get(RECORDS):
        raise Failed("mapping", f"{command.key} acts on records: the mapping must give {RECORDS}")
    named = value[RECORDS]
    data = {key: one for key, one in value.items() if key != RECORDS}
    return _found(command, named if isinstance(named, list) else [named]), data or None


def _found(command: Command, named: Sequence[Any]) -> list[UUID]:
    noun = registry.noun(command.noun)
    field = noun.spec.numbering.field if noun.spec.numbering else noun.spec.natural_key
    ids: list[UUID] = []
    for name in named:
        try:
            ids.append(UUID(str(name)))
        except ValueError:
            key = None
            if field:
                column = noun.spec.field(field).column
                key = noun.model._base_manager.filter(**{column: str(name)}).values_list("pk", flat=True).first()
            if key is None:
                raise Failed("validation", f"{noun.spec.label.zh}没有 {name}\nno {noun.spec.label.en} {name}") from None
            ids.append(key)
    return ids


def reason_of(refusal: DomainError) -> Reason:
    """Give the reason code for a refusal of ours."""
    if isinstance(refusal, NotAllowed):
        return "not_allowed"
    if isinstance(refusal, NotFound):
        return "gone"
    if isinstance(refusal, Invalid):
        return "validation"
    return "refused" if isinstance(refusal, Conflict) else "validation"


def said(refusal: DomainError) -> str:
    """Give a refusal in both languages, with its faults by field."""
    lines = [refusal.label.zh, refusal.label.en]
    for path, texts in refusal.field_texts("en").items():
        lines += [f"{path}: {text}" for text in texts]
    return "\n".join(lines)[:4000]
