"""Systems switched on and off, their secrets, and whether they answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from banyan.integration import checks, secrets
from banyan.integration.connecting import connector_of
from banyan.integration.connections import purpose
from banyan.integration.errors import UnknownSecret
from banyan.integration.fanout import wake
from banyan.integration.models import Gauge, Secret, System
from banyan.integration.plans import link_of, refused
from banyan.kernel import db
from banyan.kernel.commands import OfferedOn, command, save
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, Text, field
from banyan.lib.errors import NotFound
from banyan.lib.labels import L, Label


@command("integration.system.activate", L("启用", "Switch on"), icon="player-play", is_primary=True, tone="green")
def activate_systems(ctx: Context, systems: Sequence[System]) -> None:
    """Let systems be called. Raises: Invalid where settings are not what the connector asks for."""
    checks.check_systems(systems)


@command("integration.system.stop", L("停止", "Stop"), icon="player-stop", tone="red",
         confirm=L("停止后消息会等待，直到恢复", "Its messages will wait until it is resumed"))  # fmt: skip
def stop_systems(ctx: Context, systems: Sequence[System]) -> None:
    """Call systems no more; their messages wait."""


@command("integration.system.resume", L("恢复", "Resume"), icon="player-play", is_primary=True, tone="green")
def resume_systems(ctx: Context, systems: Sequence[System]) -> None:
    """Call systems again, with their breakers closed. Writes: gauges"""
    checks.check_systems(systems)
    Gauge.objects.filter(system__in=systems).update(
        breaker="closed", failures=0, opened=0, until=None, error="", changed_at=ctx.now
    )
    wake()


#: The secret by which session keys are renewed.
REFRESH = "refresh_token"


class Set(Input):
    """A secret to seal."""

    system: UUID = field("外部系统", "Outside system", reference="integration.system")
    name: Annotated[Text, Field(min_length=1, max_length=60)] = field(
        "名称", "Name", help=L("连接器规定的密钥名", "One of the names the connector asks for")
    )
    value: SecretStr = field(
        "密钥", "Secret", min_length=1, max_length=secrets.MOST_CHARACTERS,
        help=L("保存后不再显示", "Never shown again once it is kept"),
    )  # fmt: skip


@command("integration.secret.set", L("填写密钥", "Set a secret"), input=Set, on="noun", icon="key",
         offered_on=(OfferedOn("integration.system", "system"),))  # fmt: skip
def set_secret(ctx: Context, data: Set) -> None:
    """Seal a secret of a system, in the place of the one before.

    Raises: UnknownSecret; NotFound
    Writes: the secret; the system's version, so that all processes take it up
    """
    system = lock(System, [data.system]).get(data.system)
    if system is None:
        raise NotFound
    connector = connector_of(system.connector)
    if data.name not in connector.secrets:
        known = ", ".join(connector.secrets) or "—"
        raise UnknownSecret(connector=system.connector, name=data.name, known=known)
    keep_secret(ctx, system, data.name, data.value.get_secret_value())
    if data.name in (connector.session, REFRESH):
        # When a key that a person entered ends, nobody knows: it is renewed at once where that can be.
        of_session = Secret.objects.filter(system=system, name=connector.session)
        of_session.update(ends_at=None, renew_at=None, failures=0, error="")
    save(ctx, [system])


def keep_secret(ctx: Context, system: System, name: str, value: str) -> None:
    """Seal a secret of a locked system, in the place of the one before; the system is to be saved."""
    sealed = secrets.seal(value, purpose(system.pk, name))
    found = Secret.objects.select_for_update().filter(system=system, name=name).first()
    if found is None:
        Secret.objects.create(
            system=system, name=name, sealed=sealed, created_at=ctx.now, changed_at=ctx.now,
            created_by_id=ctx.person, changed_by_id=ctx.person,
        )  # fmt: skip
    else:
        Secret.objects.filter(pk=found.pk).update(
            sealed=sealed, version=found.version + 1, changed_at=ctx.now, changed_by_id=ctx.person
        )


class Check(Input):
    """Which system."""

    system: UUID = field("外部系统", "Outside system", reference="integration.system")


@command("integration.system.check", L("检测连接", "Check the connection"), input=Check, on="noun", icon="stethoscope",
         offered_on=(OfferedOn("integration.system", "system"),))  # fmt: skip
def check_system(ctx: Context, data: Check) -> Label:
    """Ask a system something cheap; give in words whether it answers. Raises: NotFound"""
    connect = link_of(data.system)
    if connect is None:
        raise NotFound
    begun = time.perf_counter()
    connector, connection = connect
    try:
        health = connector.health(connection())
    except Exception as fault:  # whatever a connector raises says that it does not answer
        said = refused(fault).text.split("\n")
        return L("不通：{text}", "No answer: {text}").filled({"text": L(said[0] or "—", said[-1] or "—")})
    ms = health.ms if health.ms is not None else (time.perf_counter() - begun) * 1000
    mark = L("正常", "Well") if health.is_well else L("异常", "Not well")
    return L("{mark}：{text}（{ms} 毫秒）", "{mark}: {text} ({ms} ms)").filled(
        {"mark": mark, "text": health.text, "ms": round(ms)}
    )


def _sealed() -> Iterator[tuple[object, str, str]]:
    for key, system, name, sealed in Secret.objects.values_list("pk", "system_id", "name", "sealed").iterator():
        yield key, purpose(system, name), sealed


def _put(place: object, before: str, anew: str) -> bool:
    return db.run(
        "WITH s AS (UPDATE integration_secret SET sealed = %s WHERE id = %s AND sealed = %s RETURNING system_id) "
        "UPDATE integration_system SET version = version + 1 FROM s WHERE id = s.system_id", [anew, place, before],
    ) == 1  # fmt: skip


secrets.holds_secrets(secrets.Holder("integration.secret", _sealed, _put))
