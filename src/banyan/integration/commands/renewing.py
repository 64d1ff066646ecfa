"""Session keys renewed before they end, sealed as the ones before; a failure stays with the key, for an alert."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q

from banyan.integration.commands.systems import REFRESH, keep_secret
from banyan.integration.connecting import connector_of, connectors
from banyan.integration.models import Secret, System
from banyan.integration.plans import link_of, refused
from banyan.kernel.commands import command, save
from banyan.kernel.context import Context
from banyan.kernel.locks import lock
from banyan.kernel.schema import Input, field
from banyan.lib.errors import NotFound
from banyan.lib.labels import L

#: Until the next try after a failure: one that may pass, and one that a person must look at.
SOON, LATER = timedelta(minutes=5), timedelta(minutes=30)


def due(now: datetime) -> list[UUID]:
    """Give the running systems whose session key is to be renewed now. One statement a kind of partner."""
    found: list[UUID] = []
    for connector in connectors():
        if connector.session:
            can = Secret.objects.filter(name=REFRESH).values("system")
            found += Secret.objects.filter(
                Q(renew_at=None) | Q(renew_at__lte=now), name=connector.session, system__in=can,
                system__connector=connector.key, system__state="active",
            ).order_by("system").values_list("system", flat=True)  # fmt: skip
    return found


class Renew(Input):
    """Which system."""

    system: UUID = field("外部系统", "Outside system", reference="integration.system")


@command("integration.system.renew", L("续期会话密钥", "Renew the session key"), input=Renew, on="noun", screen=False,
         rest=False, permission="integration.secret.set")  # fmt: skip
def renew_session(ctx: Context, data: Renew) -> None:
    """Ask a system for a new session key, and keep it in the place of the one that ends.

    Raises: NotFound
    Writes: the secrets and when they end; where it fails, the fault and when it is tried again
    """
    system = lock(System, [data.system]).get(data.system)
    connect = link_of(data.system) if system else None
    if system is None or connect is None:
        raise NotFound
    connector, connection = connect
    session = Secret.objects.select_for_update().filter(system=system, name=connector_of(system.connector).session)
    list(session)
    try:
        made = connector.renew(connection())
    except Exception as fault:  # whatever a connector raises says that there is no new key
        failed = refused(fault)
        if failed.kind == "environment":
            session.update(renew_at=ctx.now + LATER)
            return
        pause = SOON if failed.is_passing else LATER
        session.update(failures=F("failures") + 1, error=failed.text[:1000], renew_at=ctx.now + pause)
        return
    for name, value in made.secrets.items():
        keep_secret(ctx, system, name, value)
    before = min(connector.renews_before, made.lasts / 3)
    # A partner may give the same key back while it is too early: it is asked again, but not without a pause.
    at = max(made.ends_at - before, ctx.now + SOON)
    session.update(ends_at=made.ends_at, renew_at=at, failures=0, error="")
    save(ctx, [system])
