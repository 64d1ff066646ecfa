"""`banyan prepare`: what `banyan up` asks for before it serves."""

from __future__ import annotations

import json

import click

from banyan.config.cli._django import running
from banyan.config.environ import has_part


@click.command(hidden=True)
@click.option("--output", "-o", type=click.File("w"), default="-", help="File; without it, the terminal.")
def command(output: click.File) -> None:
    """Migrate where needed, and write as JSON what the database holds."""
    with running("owner"):
        from banyan.config import migrations

        migrations.apply(say=lambda text: click.echo(text, err=True))
        _settle()
        json.dump({"has_company": _has_company(), **_demo()}, output, ensure_ascii=False)


def _settle() -> None:
    """Write down at the first start which environment this is; tell where that is not clear."""
    if not has_part("banyan.integration.environments"):
        return
    from banyan.integration import environments

    found = environments.settle()
    if found.environment is None:
        click.echo(f"No outside system is called: it is not clear which environment this is ({found.text.en}). "
                   "`banyan environment test` or `banyan environment production` says so.", err=True)  # fmt: skip


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
