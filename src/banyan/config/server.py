"""Making a database on a server ready for the product: two roles, their rights, extensions.

The server is told by DATABASE_URL. Its user is either one of the product's two roles (docs/configuration.md says how to
make them), or anybody who owns the database and may create roles: then the roles are made, without a password, and the
product signs in as that user and takes one of them at once (`role=` at the start of the session).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql

from banyan.config import database
from banyan.lib.labels import L, Label
from banyan.ops.cluster import APP, OLDEST, OWNER

EXTENSIONS = ("pg_trgm", "btree_gist")
SECONDS = 10


class ServerUnfit(Exception):
    """The server, the database or the user is not fit; the label says what, why, and what to do."""

    def __init__(self, label: Label, **facts: object) -> None:
        self.label = label.filled(facts)
        super().__init__(self.label.en)


@dataclass(frozen=True)
class _Found:
    """What the server says of itself, of the database and of who asks."""

    version: int
    encoding: str
    name: str
    user: str
    may_create_roles: bool
    owns: bool
    roles: frozenset[str]
    taken: frozenset[str]
    extensions: frozenset[str]
    tables: int
    is_ours: bool


_FOUND = """
    SELECT current_setting('server_version_num')::int, pg_encoding_to_char(d.encoding), d.datname, u.rolname,
           u.rolcreaterole OR u.rolsuper, u.rolsuper OR pg_has_role(d.datdba, 'MEMBER'),
           ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY(%(roles)s)),
           ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY(%(roles)s) AND pg_has_role(oid, 'MEMBER')),
           ARRAY(SELECT extname::text FROM pg_extension),
           (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'),
           to_regclass('public.django_migrations') IS NOT NULL AND to_regclass('public.kernel_user') IS NOT NULL
    FROM pg_database d, pg_roles u WHERE d.datname = current_database() AND u.rolname = current_user
"""


def make_ready() -> list[str]:
    """Make roles, rights and extensions where they are missing; nothing where all is there.

    Gives:  a line for each thing made
    Raises: ServerUnfit
    Writes: roles and grants of the server, schema and extensions of the database; in one transaction
    """
    with _connected() as connection:
        found = _look(connection)
        _require_fit(found)
        made = [*_make_roles(connection, found), *_make_extensions(connection, found)]
        connection.commit()
    return made


@contextmanager
def _connected() -> Iterator[psycopg.Connection]:
    try:
        connection = psycopg.connect(**database.server_parameters("owner"), connect_timeout=SECONDS)
    except psycopg.OperationalError as fault:
        raise ServerUnfit(
            L("连不上 {variable} 所指的数据库：{fault}\n"
              "请检查主机、端口、库名、用户和密码；库须先建好（CREATE DATABASE）。",
              "The database that {variable} names cannot be reached: {fault}\n"
              "Check host, port, name, user and password; the database itself must exist (CREATE DATABASE)."),
            variable=database.server_variable("owner"), fault=str(fault).strip(),
        ) from fault  # fmt: skip
    with connection:
        yield connection


def _look(connection: psycopg.Connection) -> _Found:
    row = connection.execute(_FOUND, {"roles": [OWNER, APP]}).fetchone()
    assert row is not None
    *plain, roles, taken, extensions, tables, is_ours = row
    return _Found(*plain, frozenset(roles), frozenset(taken), frozenset(extensions), tables, is_ours)


def _require_fit(found: _Found) -> None:
    if found.version < OLDEST * 10_000:
        raise ServerUnfit(
            L("服务器是 PostgreSQL {version}，需要 {oldest} 或更新。请换一个服务器，或升级它。",
              "The server is PostgreSQL {version}; {oldest} or later is needed. Use another server, or upgrade it."),
            version=found.version // 10_000, oldest=OLDEST,
        )  # fmt: skip
    if found.encoding != "UTF8":
        raise ServerUnfit(
            L("数据库 {name} 的编码是 {encoding}，需要 UTF8。请另建一个：\n  {hand}",
              "The database {name} is encoded in {encoding}; UTF8 is needed. Make another one:\n  {hand}"),
            name=found.name, encoding=found.encoding,
            hand="CREATE DATABASE banyan ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;",
        )  # fmt: skip
    if found.tables and not found.is_ours:
        raise ServerUnfit(
            L("数据库 {name} 里已有别的程序的 {count} 张表。请给榕一个空库。",
              "The database {name} holds {count} tables of something else. Give Banyan an empty database."),
            name=found.name, count=found.tables,
        )  # fmt: skip
    if found.user == APP:
        raise ServerUnfit(
            L("{app} 不拥有任何东西，不能建表。请在 BANYAN_OWNER_DATABASE_URL 里给出同一个库的 {owner} 地址。",
              "{app} owns nothing and cannot make tables. Give the address of the same database as {owner} in "
              "BANYAN_OWNER_DATABASE_URL."),
            app=APP, owner=OWNER,
        )  # fmt: skip


def _make_roles(connection: psycopg.Connection, found: _Found) -> list[str]:
    """Make the two roles and give them their places; one who signs in as the owner finds them made."""
    missing = [role for role in (OWNER, APP) if role not in found.roles]
    lacks = [role for role in (OWNER, APP) if role not in found.taken] if found.user != OWNER else []
    wanted = [f"CREATE ROLE {role}" for role in missing]
    wanted += [f"GRANT {APP} TO {OWNER}"] if missing else []
    wanted += [f"GRANT {', '.join(lacks)} TO {{user}}"] if lacks else []
    owning = "ALTER DATABASE {name} OWNER TO {user}"
    by_hand = [*wanted, *(() if found.owns or found.user == OWNER else (owning,))]
    names = {"user": sql.Identifier(found.user), "name": sql.Identifier(found.name)}
    facts = {
        "user": found.user, "name": found.name, "roles": ", ".join(missing or lacks),
        "hand": "".join(f"\n  {sql.SQL(one).format(**names).as_string()};" for one in by_hand),
    }  # fmt: skip
    if wanted and not found.may_create_roles:
        raise ServerUnfit(
            L("用户 {user} 不能建立角色 {roles}，也没有被授予它们。请让服务器的管理员执行，然后重新启动：{hand}\n"
              "或者给 {user} 这个权力：\n  ALTER ROLE \"{user}\" CREATEROLE;",
              "The user {user} may not create the roles {roles} and was not granted them. Have the server's "
              "administrator run this, then start again:{hand}\n"
              "or give {user} the power:\n  ALTER ROLE \"{user}\" CREATEROLE;"),
            **facts,
        )  # fmt: skip
    if found.user == OWNER and not missing:
        return []
    if not found.owns:
        raise ServerUnfit(
            L("数据库 {name} 不属于用户 {user}，不能给角色授权。请让服务器的管理员执行：{hand}",
              "The database {name} does not belong to the user {user}, who cannot give the roles their rights. "
              "Have the server's administrator run:{hand}"),
            **facts,
        )  # fmt: skip
    rights = [
        f"GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {{name}} TO {OWNER}",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {{name}} TO {APP}",
        f"ALTER SCHEMA public OWNER TO {OWNER}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    ]
    try:
        for statement in [*wanted, *(rights if missing or not found.is_ours else ())]:
            connection.execute(sql.SQL(statement).format(**names))
    except errors.InsufficientPrivilege as fault:
        raise ServerUnfit(
            L("用户 {user} 的权力不够：{fault}\n请让服务器的管理员执行：{hand}",
              "The user {user} lacks a power: {fault}\nHave the server's administrator run:{hand}"),
            **facts, fault=str(fault).strip(),
        ) from fault  # fmt: skip
    return [f"Role {role} made" for role in missing]


def _make_extensions(connection: psycopg.Connection, found: _Found) -> list[str]:
    missing = [name for name in EXTENSIONS if name not in found.extensions]
    try:
        for name in missing:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))
    except (errors.InsufficientPrivilege, errors.FeatureNotSupported, errors.UndefinedFile) as fault:
        raise ServerUnfit(
            L("不能安装扩展 {names}：{fault}\n"
              "请在服务器上安装 postgresql-contrib，并让管理员在库 {name} 里执行：\n  {hand}",
              "The extensions {names} cannot be installed: {fault}\nInstall postgresql-contrib on the server, and have "
              "the administrator run in the database {name}:\n  {hand}"),
            names=", ".join(missing), fault=str(fault).strip(), name=found.name,
            hand=" ".join(f"CREATE EXTENSION {name};" for name in missing),
        ) from fault  # fmt: skip
    return [f"Extension {name} installed" for name in missing]
