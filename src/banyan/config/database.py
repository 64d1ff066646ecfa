"""Which database, as which role, through which socket."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from banyan.config.environ import data_folder, database_user, env
from banyan.ops.cluster import Cluster

DATABASE = "banyan"
ROLES = {"owner": "banyan_owner", "app": "banyan_app"}


def embedded() -> Cluster:
    """Give the private cluster of the data folder; it may not exist or run yet."""
    return Cluster(data_folder() / "postgres", user=database_user())


def is_embedded() -> bool:
    """Tell whether the embedded cluster is used, because no DATABASE_URL names a server."""
    return not env("DATABASE_URL")


def connection_settings() -> dict[str, Any]:
    """Give Django's settings of the one database, for the role in BANYAN_DB_ROLE."""
    role = env("BANYAN_DB_ROLE")
    if role not in ROLES:
        raise SystemExit(f"BANYAN_DB_ROLE={role!r}: write owner or app.")
    settings = _taking(ROLES[role], _from_url(server_url(role))) if not is_embedded() else _from_cluster(ROLES[role])
    settings |= {
        "ENGINE": "django.db.backends.postgresql",
        "ATOMIC_REQUESTS": False,
        "CONN_HEALTH_CHECKS": True,
    }
    settings.setdefault("OPTIONS", {})
    settings["OPTIONS"].setdefault("prepare_threshold", 3)
    if env("BANYAN_DB_POOL"):
        from banyan.config.pooled import Pooled

        settings["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 8, "timeout": 10, "connection_class": Pooled}
    else:
        settings["CONN_MAX_AGE"] = None
    return settings


def server_variable(role: str) -> str:
    """Give the variable that names the server's database for one of the two roles."""
    return "BANYAN_OWNER_DATABASE_URL" if role == "owner" and env("BANYAN_OWNER_DATABASE_URL") else "DATABASE_URL"


def server_url(role: str) -> str:
    """Give the address of the server's database for one of the two roles, as it is set."""
    return env(server_variable(role))


def _from_cluster(user: str) -> dict[str, Any]:
    return {"NAME": DATABASE, "USER": user, "HOST": str(embedded().socket_folder), "PORT": "5432"}


def server_parameters(role: str) -> dict[str, Any]:
    """Give the server's database for one of the two roles as psycopg connects to it, as the user of the address."""
    found = _from_url(server_url(role))
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {name: found[key] for name, key in named.items() if found[key]} | found["OPTIONS"]


def _taking(role: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Let a user who is neither of the two roles take one at the start of each session."""
    if settings["USER"] not in ROLES.values():
        given = settings["OPTIONS"].get("options", "")
        settings["OPTIONS"]["options"] = f"{given} -c role={role}".strip()
    return settings


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SystemExit("DATABASE_URL must look like postgresql://banyan_app:password@host:5432/banyan.")
    options = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def url(role: str) -> str:
    """Give the address of the database as one of the two roles, as psql reads it."""
    return embedded().url(ROLES[role], DATABASE) if is_embedded() else server_url(role)
