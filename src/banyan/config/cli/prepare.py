"""`banyan prepare`: what `banyan up` asks for before it serves."""

from __future__ import annotations

import json

import click

from banyan.config.cli._django import DatabaseLost, running, server_ready, system_context
from banyan.config.environ import audit_head, has_part


@click.command(hidden=True)
@click.option("--output", "-o", type=click.File("w"), default="-", help="File; without it, the terminal.")
def command(output: click.File) -> None:
    """Migrate where needed, and write as JSON what the database holds."""
    server_ready()
    with running("owner"):
        from banyan.config import migrations

        if audit_head().exists() and not _has_seals():
            raise DatabaseLost()
        migrations.apply(say=lambda text: click.echo(text, err=True))
        _settle_roles()
        _settle()
        json.dump({"has_company": _has_company(), **_demo()}, output, ensure_ascii=False)


def _settle_roles() -> None:
    """Have the default roles, and in them the grants that are new in this version."""
    if not has_part("banyan.ops.roles"):
        return
    from banyan.ops import roles

    _, grants = roles.settle(system_context())
    if grants:
        click.echo(f"The default roles got {grants} grants that are new in this version", err=True)


def _settle() -> None:
    """Write down at the first start which environment this is; tell where that is not clear."""
    if not has_part("banyan.integration.environments"):
        return
    from banyan.integration import environments

    found = environments.settle()
    if found.environment is None:
        click.echo(f"No outside system is called: it is not clear which environment this is ({found.text.en}). "
                   "`banyan environment test` or `banyan environment production` says so.", err=True)  # fmt: skip


def _has_seals() -> bool:
    """Say whether anything was ever sealed here: before the first migration there is no table of seals."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('kernel_auditseal') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return False
        cursor.execute("SELECT EXISTS (SELECT FROM kernel_auditseal)")
        return cursor.fetchone()[0]


def _has_company() -> bool:
    from django.apps import apps

    return (
        apps.is_installed("banyan.modules.company") and apps.get_model("company", "Company").objects.exists()
    )


def _demo() -> dict:
    """Tell whether a load of the demo factory was broken off, its logins (zh, en, login, password), and its station."""
    if not has_part("banyan.demo.story"):
        return {"is_unfinished": False, "logins": [], "station": ""}
    from banyan.demo import story

    return {"is_unfinished": story.is_unfinished(), "logins": story.logins(), "station": story.station()}
