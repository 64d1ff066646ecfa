"""Every BANYAN_… variable, said once: its default, its reading and its meaning."""

from __future__ import annotations

import os
import pwd
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

SOURCES = Path(__file__).resolve().parents[2]
CHECKOUT = SOURCES.parent
SYSTEM_DATA = Path("/var/lib/banyan")


@dataclass(frozen=True)
class Variable:
    """One setting that the surroundings may give; the value of a secret one is never shown."""

    name: str
    default: str
    read: Callable[[str], Any]
    meaning: str
    is_secret: bool = False


def flag(text: str) -> bool:
    """Give the truth of a yes/no text."""
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"", "0", "false", "no", "off"}:
        return False
    raise ValueError("write yes or no")


def words(text: str) -> list[str]:
    """Give the comma-separated words of a text."""
    return [word.strip() for word in text.split(",") if word.strip()]


def collector(text: str) -> str:
    """Give the address of a collector of traces, empty where there is none."""
    parts = urlsplit(text.strip())
    if text.strip() and (parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0):
        raise ValueError("write it as http://127.0.0.1:4318")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("write scheme, host, port and path only; secrets go into BANYAN_OTLP_HEADERS")
    return text.strip()


_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def headers(text: str) -> dict[str, str]:
    """Give HTTP headers from `name=value,name=value`, the values as in an address (`%20`)."""
    found = {}
    for one in words(text):
        name, sign, value = one.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not sign or not _HEADER.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise ValueError("write name=value,name=value")
        found[name] = value
    return found


def environment(text: str) -> str:
    """Give test, production, or nothing."""
    if text not in ("", "test", "production"):
        raise ValueError("write test or production")
    return text


def share(text: str) -> float:
    """Give a share from 0 to 1."""
    found = float(text)
    if not 0 <= found <= 1:
        raise ValueError("write a number from 0 to 1")
    return found


def hours(text: str) -> float:
    """Give a number of hours, above 0 and at most a year's."""
    found = float(text)
    if not 0 < found <= 8784:
        raise ValueError("write a number of hours, such as 12")
    return found


VARIABLES: dict[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable(
            "BANYAN_DATA",
            "",
            str,
            "Data folder: embedded database, files, secret key, logs. "
            "Empty: `.data` in the checkout, or /var/lib/banyan where the database's user cannot enter that",
        ),
        Variable(
            "DATABASE_URL",
            "",
            str,
            "A PostgreSQL server (15 or later) instead of the embedded one, as a user who owns the database and may "
            "create roles, or as the role `banyan_app`",
        ),
        Variable(
            "BANYAN_OWNER_DATABASE_URL",
            "",
            str,
            "The same database as the role `banyan_owner`, for migrations. Empty: DATABASE_URL",
        ),
        Variable("BANYAN_DB_ROLE", "app", str, "`app` (web, jobs) or `owner` (migrations); commands set it"),
        Variable("BANYAN_DB_POOL", "no", flag, "Keep a pool of 2 to 8 connections; set for web processes"),
        Variable(
            "BANYAN_SECRET_KEY",
            "",
            str,
            "Signing key. Empty: made at the first start and kept in the data folder, mode 600",
        ),
        Variable(
            "BANYAN_SECRETS_KEY",
            "",
            str,
            "Key that seals the secrets of outside systems, `id:base64` of 32 bytes, the newest first where two are "
            "valid. Empty: made at the first secret and kept in the data folder, mode 600",
        ),
        Variable(
            "BANYAN_EXCHANGE",
            "",
            str,
            "Folder below which files are exchanged with outside systems; nothing outside it is read or written. "
            "Empty: `exchange` in the data folder",
        ),
        Variable(
            "BANYAN_ENVIRONMENT",
            "",
            environment,
            "`test` or `production`: which outside systems are called. Empty: as the data folder says, `test` at the "
            "first start; `banyan environment` shows and changes it",
        ),
        Variable("BANYAN_DEBUG", "no", flag, "Show tracebacks in the browser. Never in production"),
        Variable("BANYAN_HOSTS", "localhost,127.0.0.1,[::1]", words, "Host names that the site answers to"),
        Variable("BANYAN_BIND", "127.0.0.1", str, "Address that the web processes listen on"),
        Variable("BANYAN_PORT", "8020", int, "Port; the next free one is taken if it is in use"),
        Variable("BANYAN_WEB_WORKERS", "2", int, "Web processes"),
        Variable("BANYAN_WEB_THREADS", "16", int, "Threads that serve requests in each web process"),
        Variable(
            "BANYAN_SECURE",
            "no",
            flag,
            "The site is served over https: secure cookies, HSTS, and X-Forwarded-Proto is trusted",
        ),
        Variable("BANYAN_ORIGINS", "", words, "Origins trusted for forms, such as https://erp.example.com"),
        Variable(
            "BANYAN_SESSION_IDLE_HOURS",
            "12",
            hours,
            "Hours after which a browser that nobody uses has to sign in again",
        ),
        Variable("BANYAN_SESSION_HOURS", "168", hours, "Hours after which every browser has to sign in again"),
        Variable(
            "BANYAN_STATION_IDLE_HOURS",
            "24",
            hours,
            "Hours after which somebody who does nothing at a station has to sign in there again; what is queued stays",
        ),
        Variable(
            "BANYAN_STATION_HOURS",
            "336",
            hours,
            "Hours after which everybody at a station has to sign in there again; what is queued stays",
        ),
        Variable("BANYAN_RATE_PER_MINUTE", "6000", int, "REST calls that one account may make in a minute"),
        Variable("BANYAN_CALL_LOG_DAYS", "30", int, "Days that calls of the interface stay in the call log"),
        Variable(
            "BANYAN_METRICS_TOKEN",
            "",
            str,
            "Token that `/metrics` wants as `Authorization: Bearer …`. Empty: it answers to the machine itself only",
        ),
        Variable(
            "BANYAN_OTLP_ENDPOINT",
            "",
            collector,
            "Collector that traces are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`. Empty: none is",
        ),
        Variable(
            "BANYAN_OTLP_HEADERS",
            "",
            headers,
            "Headers that the collector wants, `name=value,name=value`, the values as in an address (`%20`)",
            is_secret=True,
        ),
        Variable(
            "BANYAN_OTLP_SAMPLE",
            "1",
            share,
            "Share, 0 to 1, of the traces beginning here that are sent; for one that a partner began, its flag decides",
        ),
        Variable(
            "BANYAN_ADVENTUREWORKS",
            "",
            str,
            "Folder of AdventureWorks' records for `banyan import` and `banyan story`. "
            "Empty: `shared/data/adventureworks` beside the checkout",
        ),
        Variable("BANYAN_PASSWORD", "", str, "Password for `banyan user`, instead of being asked", is_secret=True),
        Variable("BANYAN_LOG_LEVEL", "INFO", str, "Least severe level that is logged"),
    )
}


class BadVariable(SystemExit):
    """A variable holds a text that cannot be read."""


def env(name: str) -> Any:
    """Give the value of a declared variable.

    Raises: BadVariable, which ends the program with a sentence that names the variable and its meaning
    """
    variable = VARIABLES[name]
    text = os.environ.get(name, "") or variable.default
    try:
        return variable.read(text)
    except ValueError as error:
        shown = "…" if variable.is_secret else repr(text)
        raise BadVariable(f"{name}={shown} cannot be read ({error}). {variable.meaning}.") from None


def as_table() -> str:
    """Give all variables as a Markdown table."""
    rows = [
        f"| `{variable.name}` | {f'`{variable.default}`' if variable.default else ''} | {variable.meaning} |"
        for variable in VARIABLES.values()
    ]
    return "\n".join(("| Variable | Default | Meaning |", "| --- | --- | --- |", *rows)) + "\n"


def has_part(name: str) -> bool:
    """Tell whether this build holds a package or file, such as `banyan.demo.story`."""
    path = SOURCES.joinpath(*name.split("."))
    return (path / "__init__.py").is_file() or path.with_suffix(".py").is_file()


def data_folder() -> Path:
    """Give the data folder; it may not exist yet."""
    named = env("BANYAN_DATA")
    if named:
        return Path(named).resolve()
    if os.geteuid() == 0 and not _others_can_enter(CHECKOUT):
        return SYSTEM_DATA
    return CHECKOUT / ".data"


def audit_head() -> Path:
    """Give the file, outside the database, that names the last seal of its audit chain."""
    return data_folder() / "audit-head.json"


def secrets_file() -> Path:
    """Give the file that holds the keys of the secrets, where BANYAN_SECRETS_KEY does not."""
    return data_folder() / "secrets-keys"


def environment_file() -> Path:
    """Give the file that says which environment the installation is, where BANYAN_ENVIRONMENT does not."""
    return data_folder() / "environment"


def exchange_folder() -> Path:
    """Give the folder below which files are exchanged with outside systems; it may not exist yet."""
    named = env("BANYAN_EXCHANGE")
    return Path(named).resolve() if named else data_folder() / "exchange"


def database_user() -> str | None:
    """Give the system user that the embedded database runs as, None for the present one."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise SystemExit(
        "The embedded database must not run as root and the system has no user `postgres`. "
        "Install the package postgresql, or start as an ordinary user."
    )


def secret_key() -> str:
    """Give the signing key, made and kept at the first call.

    Writes: `secret-key` in the data folder, readable by its owner only
    """
    given = env("BANYAN_SECRET_KEY")
    if given:
        return given
    file = data_folder() / "secret-key"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"secret-key.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(64))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    draft.unlink()
    return file.read_text().strip()


def _others_can_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


if __name__ == "__main__":
    print(as_table(), end="")
