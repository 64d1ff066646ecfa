"""`banyan user`: people who sign in, from the terminal; how the first administrator is made."""

from __future__ import annotations

import click

from banyan.config.cli._django import running, system_context


@click.group()
def command() -> None:
    """Add people, give them a new password, shut them out."""


_password = click.option(
    "--password",
    envvar="BANYAN_PASSWORD",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="Asked for when it is not given; BANYAN_PASSWORD keeps it out of the history.",
)


@command.command()
@click.argument("login")
@click.option("--name", required=True, help="The person's name as others see it.")
@click.option("--role", "roles", multiple=True, required=True, help="A role's code; may be given again.")
@click.option("--language", type=click.Choice(["zh", "en"]), default="zh", show_default=True)
@_password
def add(login: str, name: str, roles: tuple[str, ...], language: str, password: str) -> None:
    """Add a person with roles and a password."""
    with running():
        from django.db import transaction

        from banyan.kernel import commands, registry
        from banyan.kernel.models import Role, User

        known = dict(Role.objects.values_list("code", "id"))
        if unknown := sorted(set(roles) - set(known)):
            raise click.BadParameter(
                f"{', '.join(unknown)}: choose among {', '.join(sorted(known)) or 'none yet'}.",
                param_hint="--role",
            )
        _check(password)
        row = {
            "login": login,
            "name": name,
            "language": language,
            "roles": [{"role": str(known[code])} for code in roles],
        }
        create = registry.command("kernel.user.create")
        with transaction.atomic():
            made = commands.execute(system_context(), create, data={"records": [row]})
            _set_password(User.objects.get(pk=made.ids[0]), password)
    click.echo(f"{login} can sign in.")


@command.command()
@click.argument("login")
@_password
def password(login: str, password: str) -> None:
    """Give a person a new password; every session of theirs ends, at stations too."""
    with running():
        _check(password)
        _set_password(_user(login), password)
        _end_sessions(login)
    click.echo(f"The password of {login} is changed.")


@command.command()
@click.argument("login")
def off(login: str) -> None:
    """Shut a person out and end their sessions; the account and its history stay."""
    _switch(login, is_active=False)
    click.echo(f"{login} can no longer sign in.")


@command.command()
@click.argument("login")
def on(login: str) -> None:
    """Let a person in again."""
    _switch(login, is_active=True)
    click.echo(f"{login} can sign in again.")


@command.command(name="list")
def list_() -> None:
    """List who can sign in, with roles."""
    with running():
        from banyan.kernel.models import User

        for user in User.objects.order_by("login").prefetch_related("roles__role"):
            codes = ",".join(sorted(held.role.code for held in user.roles.all()))
            click.echo(f"{user.login}\t{user.name}\t{codes}\t{'' if user.is_active else 'off'}")


def _user(login: str):
    from banyan.kernel.models import User

    try:
        return User.objects.get_by_natural_key(login)
    except User.DoesNotExist:
        raise click.ClickException(f"Nobody has the login {login}; see `banyan user list`.") from None


def _switch(login: str, *, is_active: bool) -> None:
    with running():
        from banyan.kernel import commands, registry

        change = registry.command("kernel.user.change")
        commands.execute(system_context(), change, ids=[_user(login).pk], data={"is_active": is_active})
        if not is_active:
            _end_sessions(login)


def _end_sessions(login: str) -> None:
    from banyan.kernel import commands, registry

    end = registry.command("kernel.user.end_sessions")
    commands.execute(system_context(), end, ids=[_user(login).pk])


def _check(password: str) -> None:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    try:
        validate_password(password)
    except ValidationError as error:
        raise click.ClickException(" ".join(error.messages)) from None


def _set_password(user, password: str) -> None:
    from django.db.models import F

    user.set_password(password)
    user.access_epoch = F("access_epoch") + 1
    user.save(update_fields=["password", "access_epoch"])
