"""What REST offers of a noun."""

from __future__ import annotations

from banyan.kernel import registry
from banyan.kernel.commands import Command
from banyan.kernel.nouns import Noun
from banyan.web.rest import resources

GENERIC = frozenset({"create", "change", "delete"})


def offers(noun: Noun, verb: str) -> bool:
    """Say whether REST offers a noun's create, change or delete."""
    key = noun.spec.permission(verb)
    if not registry.has_command(key) or not registry.command(key).rest:
        return False
    return registry.command(key).on == ("noun" if verb == "create" else "records")


def takes_tables(noun: Noun) -> bool:
    """Say whether the noun's create takes a list of records, which is what an import makes."""
    return resources.takes_records(registry.command(noun.spec.permission("create")))


def command_of(noun: Noun, name: str, *, on: str) -> Command | None:
    """Give a noun's command of its own that REST offers, None where there is none."""
    key = noun.spec.permission(name)
    if name in GENERIC or "." in name or not registry.has_command(key):
        return None
    cmd = registry.command(key)
    return cmd if cmd.rest and cmd.on == on else None
