"""Everything that is declared: nouns, commands, listeners, ports, proofs. Read once, then frozen.

Nouns made of data join by `publish`, which swaps the whole map, so that a request sees one epoch throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from banyan.lib.errors import NotFound
from banyan.lib.labels import L

if TYPE_CHECKING:
    from banyan.kernel.commands import Command
    from banyan.kernel.nouns import Noun

_nouns: Mapping[str, Noun] = MappingProxyType({})
_by_path: Mapping[str, Noun] = MappingProxyType({})
_commands: dict[str, Command] = {}
_by_noun: dict[str, tuple[Command, ...]] = {}
_ports: dict[str, Callable[..., Any]] = {}
_followers: list[Callable[[Noun], None]] = []
epoch = 0


def with_each_noun(follow: Callable[[Noun], None]) -> Callable[[Noun], None]:
    """Have a function called with every noun that is published, such as one that adds the commands all nouns have."""
    _followers.append(follow)
    return follow


def publish(nouns: Iterable[Noun]) -> None:
    """Add compiled nouns, replacing those of the same key, and begin a new epoch."""
    global _nouns, _by_path, epoch

    found = dict(_nouns)
    for noun in nouns:
        found[noun.spec.key] = noun
        for follow in _followers:
            follow(noun)
    _nouns = MappingProxyType(found)
    _by_path = MappingProxyType({noun.spec.path: noun for noun in found.values()})
    epoch += 1


def withdraw(key: str) -> None:
    """Take a noun and its commands away, and begin a new epoch."""
    global _nouns, _by_path, epoch
    _nouns = MappingProxyType({k: n for k, n in _nouns.items() if k != key})
    _by_path = MappingProxyType({n.spec.path: n for n in _nouns.values()})
    for name in [c.key for c in _commands.values() if c.noun == key]:
        del _commands[name]
    _by_noun.clear()
    epoch += 1


def nouns() -> tuple[Noun, ...]:
    """Give all nouns, in order of declaration."""
    return tuple(_nouns.values())


def noun(key: str) -> Noun:
    """Give the noun of that key. Raises: NotFound."""
    found = _nouns.get(key)
    if found is None:
        raise NotFound("noun_unknown", L("没有名为 {noun} 的单据或档案", "There is no noun named {noun}"),
                       {"noun": key})
    return found


def has_noun(key: str) -> bool:
    return key in _nouns


def noun_at(path: str) -> Noun:
    """Give the noun at a path such as `sales/orders`. Raises: NotFound."""
    found = _by_path.get(path)
    if found is None:
        raise NotFound("noun_unknown", L("没有 {noun} 这一页", "There is nothing at {noun}"), {"noun": path})
    return found


def add_command(command: Command) -> None:
    """Add a command; a noun's own `create`, `change` or `delete` replaces the generic one."""
    _commands[command.key] = command
    _by_noun.clear()


def has_command(key: str) -> bool:
    return key in _commands


def command(key: str) -> Command:
    """Give the command of that key, such as `sales.order.confirm`. Raises: NotFound."""
    found = _commands.get(key)
    if found is None:
        raise NotFound(
            "command_unknown", L("没有名为 {command} 的操作", "There is no command named {command}"), {"command": key}
        )
    return found


def commands() -> tuple[Command, ...]:
    """Give all commands, by key."""
    return tuple(_commands[key] for key in sorted(_commands))


def commands_of(noun_key: str) -> tuple[Command, ...]:
    """Give the commands of a noun, in order of declaration."""
    found = _by_noun.get(noun_key)
    if found is None:
        found = _by_noun[noun_key] = tuple(c for c in _commands.values() if c.noun == noun_key)
    return found


def answers(port: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the function that answers a port; there is only one for each."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if port in _ports:
            raise TypeError(f"port {port} is answered twice: {_ports[port].__module__} and {function.__module__}")
        _ports[port] = function
        return function

    return register


def port(name: str, default: Callable[..., Any]) -> Callable[..., Any]:
    """Give what a lower module may ask of a higher one: its answer, or the stated default."""

    def ask(*args: Any, **kwargs: Any) -> Any:
        return _ports.get(name, default)(*args, **kwargs)

    return ask
