"""Common to commands that need Django and the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from banyan.config import database
from banyan.config.environ import audit_head
from banyan.lib.labels import L
from banyan.ops.cluster import ClusterError


@contextmanager
def running(role: str = "app", *, needs_tables: bool = True) -> Iterator[None]:
    """Have Django and the database ready meanwhile, as one of the two roles.

    The embedded cluster is started where it does not run and left as it was found. The owner makes the tables; who
    comes as the application before they are made is told so, unless it does without.
    """
    os.environ["BANYAN_DB_ROLE"] = role
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "banyan.config.settings")
    with database_ready():
        import django
        from django.db import connections

        django.setup()
        try:
            with refusals_told():
                if needs_tables and role == "app":
                    _require_tables()
                yield
        finally:
            connections.close_all()


def _require_tables() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('kernel_user') IS NOT NULL")
        if cursor.fetchone()[0]:
            return
    raise click.ClickException(
        L("数据库里还没有表。请先执行 `banyan migrate`，或用 `banyan up` 启动一次。",
          "The database has no tables yet. Run `banyan migrate` first, or start once with `banyan up`.").in_(language())
    )  # fmt: skip


@contextmanager
def refusals_told() -> Iterator[None]:
    """End the command with the text of a refusal, its faults by field and the way out."""
    from banyan.lib.errors import DomainError

    try:
        yield
    except DomainError as error:
        raise click.ClickException(_told(error)) from error


@contextmanager
def database_ready() -> Iterator[None]:
    """Have the embedded cluster running meanwhile; with DATABASE_URL do nothing."""
    if not database.is_embedded():
        yield
        return
    try:
        with database.embedded().borrow():
            yield
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def server_ready() -> None:
    """Make a server's database ready, where DATABASE_URL names one: tell what is made, refuse what is unfit."""
    if database.is_embedded():
        return
    from banyan.config import server

    try:
        for line in server.make_ready():
            click.echo(line, err=True)
    except server.ServerUnfit as unfit:
        raise click.ClickException(unfit.label.in_(language())) from unfit


class DatabaseLost(click.ClickException):
    """Refuses an empty database where the audit's head is kept: the one it belongs to is gone, or is another."""

    def __init__(self) -> None:
        head = audit_head()
        super().__init__(
            L(
                "数据库是空的，但 {head} 记着另一个数据库的审计链头：那个数据库已被移走、清空，或者这里连接的不是它。"
                "如果在空库上继续，审计链再也对不上。\n"
                "请恢复原来的数据库（数据文件夹的 postgres，或 DATABASE_URL 所指的数据库）；"
                "如果确定不再需要原来的数据，把链头移开后重新启动：mv {head} {head}.old",
                "The database is empty, but {head} keeps the head of another database's audit chain: that database "
                "was removed or emptied, or this is not the one. Going on with an empty one would part the chain from "
                "its head for good.\n"
                "Put the former database back (postgres in the data folder, or the one that DATABASE_URL names); if "
                "its data are given up for good, move the head away and start again: mv {head} {head}.old",
            ).filled({"head": str(head)}).in_(language())
        )


def system_context():
    """Give the context of the system acting through the terminal."""
    from django.utils import timezone

    from banyan.kernel.context import SYSTEM, Context

    return Context(SYSTEM, now=timezone.now(), through="cli", language=language())


def done(key: str, reason: str | None, **data: object):
    """Give what a command answers that asks for a reason, executed by the system for whoever is at the terminal."""
    import getpass

    from banyan.kernel import commands, registry

    if not reason:
        try:
            reason = L("{login} 在终端执行", "By {login} at the terminal").filled({"login": getpass.getuser()})
        except (KeyError, OSError):
            reason = L("在终端执行", "At the terminal")
        reason = reason.in_(language())
    found = commands.execute(system_context(), registry.command(key), data={"reason": reason, **data})
    return found.value


def language() -> str:
    """Give the language of the terminal: zh where the locale says so, else en."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "zh" if locale.startswith("zh") else "en"


def _told(error) -> str:
    spoken = language()
    lines = [error.text(spoken)]
    for path, texts in error.field_texts(spoken).items():
        lines += [f"  {path}: {text}" for text in texts]
    if error.way_out:
        lines.append(error.way_out.in_(spoken))
    return "\n".join(lines)


def noun_named(key: str):
    """Give a noun by its key; another key ends the command with those there are."""
    from banyan.kernel import registry

    if not registry.has_noun(key):
        known = ", ".join(noun.spec.key for noun in registry.nouns())
        raise click.ClickException(f"There is no noun {key}. Choose among {known}.")
    return registry.noun(key)
