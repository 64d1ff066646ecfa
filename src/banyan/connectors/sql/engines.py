"""Engines: connections that lead to the checked address, with limits on time and rights."""

from __future__ import annotations

import hashlib
import ssl
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from banyan.connectors.sql.settings import SqlSettings
from banyan.integration.connecting import Connection, Failed, Reason
from banyan.lib.labels import L

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection as Session

MOST_ENGINES = 64
CONNECT_SECONDS = 5
_EXTRAS = {"mssql": ("pymssql", "mssql+pymssql"), "oracle": ("oracledb", "oracle+oracledb")}
_engines: OrderedDict[tuple[str, ...], Engine] = OrderedDict()
_gate = threading.Lock()

_PASSING_MYSQL: dict[int, Reason] = {
    1205: "busy", 1213: "busy", 1969: "timeout", 3024: "timeout", 1040: "busy", 1203: "busy", 2002: "transport",
    2003: "transport", 2006: "transport", 2013: "transport", 2055: "transport", 1053: "unavailable", 1317: "timeout",
}  # fmt: skip
_PASSING_POSTGRESQL: dict[str, Reason] = {
    "57014": "timeout", "55P03": "busy", "40001": "busy", "40P01": "busy", "53300": "busy", "57P01": "unavailable",
    "57P02": "unavailable", "57P03": "unavailable",
}  # fmt: skip


@contextmanager
def session(connection: Connection, *, is_reading: bool) -> Iterator[Session]:
    """Give a session in a transaction, read-only where nothing may be written. Raises: Failed: what went wrong."""
    import sqlalchemy
    from sqlalchemy import exc

    engine = engine_of(connection)
    try:
        with engine.connect() as opened:
            if is_reading:
                if engine.dialect.name == "postgresql":
                    opened = opened.execution_options(postgresql_readonly=True)
                elif engine.dialect.name in ("mysql", "mariadb"):
                    opened.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
                    opened.rollback()
            try:
                yield opened
                if is_reading:
                    opened.rollback()
                else:
                    opened.commit()
            finally:
                if is_reading and engine.dialect.name in ("mysql", "mariadb") and not opened.invalidated:
                    opened.rollback()
                    opened.exec_driver_sql("SET SESSION TRANSACTION READ WRITE")
    except exc.TimeoutError:
        raise Failed("busy", L("该数据库的连接都在使用中", "All connections to this database are in use")) from None
    except exc.DBAPIError as error:
        raise fault_of(error) from None
    except sqlalchemy.exc.NoSuchTableError as error:
        raise Failed("refused", L(f"没有表 {error}", f"There is no table {error}")) from None


def engine_of(connection: Connection) -> Engine:
    """Give the pooled engine of a system; another address, user or password makes another one."""
    settings: SqlSettings = connection.settings
    address = connection.allows(settings.host, settings.used_port)
    password = connection.secret("password")
    fingerprint = hashlib.sha256(f"{password}\0{settings.trusted}".encode()).hexdigest()
    key = (
        connection.system, connection.environment, settings.kind, settings.host, address, str(settings.used_port),
        settings.database, settings.user, settings.tls, str(settings.statement_timeout), fingerprint,
    )  # fmt: skip
    with _gate:
        found = _engines.get(key)
        if found is None:
            found = _engines[key] = _made(settings, address, password)
            while len(_engines) > MOST_ENGINES:
                _engines.popitem(last=False)[1].dispose()
        _engines.move_to_end(key)
        return found


def fault_of(error: Any) -> Failed:
    """Give a driver's fault as ours: what may pass, and what will not."""
    origin = error.orig
    code, kind, said = "", "refused", " ".join(str(origin).split())[:300]
    if isinstance(origin, (TimeoutError, ConnectionError)):
        return Failed("transport", said)
    args = getattr(origin, "args", ())
    if type(origin).__module__.startswith("psycopg"):
        code = getattr(origin, "sqlstate", None) or ""
        kind = _PASSING_POSTGRESQL.get(code, "transport" if not code or code.startswith("08") else "refused")
        if not code and "FATAL:" in said:  # what a server says before it lets us in bears no code
            kind = "busy" if "too many" in said else "unavailable" if "starting up" in said else "refused"
        if code.startswith("22"):
            kind = "mapping"
    elif args and isinstance(args[0], int):
        code = str(args[0])
        kind = _PASSING_MYSQL.get(args[0], "mapping" if args[0] in (1264, 1265, 1292, 1366, 1406, 1411) else "refused")
        said = " ".join(str(args[-1]).split())[:300]
        if "timed out" in said:
            kind = "timeout"
    return Failed(kind, said, code=code)  # type: ignore[arg-type]


def _made(settings: SqlSettings, address: str, password: str) -> Engine:
    import sqlalchemy

    options: dict[str, Any] = {
        "pool_size": 5, "max_overflow": 5, "pool_timeout": CONNECT_SECONDS, "pool_recycle": 300, "pool_pre_ping": True,
        "hide_parameters": True,
    }  # fmt: skip
    match settings.kind:
        case "postgresql":
            options["creator"] = lambda: _postgresql(settings, address, password)
            return sqlalchemy.create_engine("postgresql+psycopg://", **options)
        case "mysql":
            options["creator"] = lambda: _mysql(settings, address, password)
            return sqlalchemy.create_engine("mysql+pymysql://", **options)
    package, driver = _EXTRAS[settings.kind]
    url = sqlalchemy.URL.create(driver, settings.user, password, address, settings.used_port, settings.database)
    try:
        return sqlalchemy.create_engine(url, **options)
    except ModuleNotFoundError:
        raise Failed(
            "refused",
            L(
                f"未安装 {settings.kind} 的驱动，请执行 pip install {package}",
                f"The driver for {settings.kind} is not installed: pip install {package}",
            ),
        ) from None


def _postgresql(settings: SqlSettings, address: str, password: str) -> Any:
    import psycopg

    limit = int(settings.statement_timeout * 1000)
    mode = {"verify": "verify-full", "require": "require", "off": "disable"}[settings.tls]
    more = {"sslrootcert": "system"} if settings.tls == "verify" and not settings.trusted else {}
    if settings.trusted and settings.tls == "verify":
        more = {"sslrootcert": _file_of(settings.trusted)}
    made = psycopg.connect(
        host=settings.host, hostaddr=address, port=settings.used_port, dbname=settings.database, user=settings.user,
        password=password or None, sslmode=mode, connect_timeout=CONNECT_SECONDS, application_name="banyan",
        options=f"-c statement_timeout={limit} -c lock_timeout={limit} -c idle_in_transaction_session_timeout=60000",
        **more,
    )  # fmt: skip
    read_every_time(made)
    return made


def read_every_time(opened: Any) -> None:
    """Have a connection of psycopg give times that Python cannot hold (infinity, years before Christ) as their text.

    As it is, the driver refuses the whole page for one of them.
    """
    from psycopg import DataError
    from psycopg.types import datetime as kinds

    def patient(loader: Any) -> Any:
        class Patient(loader):
            def load(self, data: Any) -> Any:
                try:
                    return super().load(data)
                except (DataError, OverflowError):
                    return bytes(data).decode()

        return Patient

    for name, loader in (
        ("date", kinds.DateLoader), ("time", kinds.TimeLoader), ("timetz", kinds.TimetzLoader),
        ("timestamp", kinds.TimestampLoader), ("timestamptz", kinds.TimestamptzLoader),
        ("interval", kinds.IntervalLoader),
    ):  # fmt: skip
        opened.adapters.register_loader(name, patient(loader))


def _mysql(settings: SqlSettings, address: str, password: str) -> Any:
    import socket

    import pymysql

    tls: ssl.SSLContext | None = None
    if settings.tls != "off":
        tls = ssl.create_default_context(cadata=settings.trusted or None)
        if settings.tls == "require":
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
    made = pymysql.connect(
        host=settings.host, port=settings.used_port, user=settings.user, password=password.encode(),
        database=settings.database,
        charset="utf8mb4", connect_timeout=CONNECT_SECONDS, read_timeout=int(settings.statement_timeout) + 2,
        write_timeout=int(settings.statement_timeout) + 2, ssl=tls, defer_connect=True, local_infile=False,
    )  # fmt: skip
    made.connect(socket.create_connection((address, settings.used_port), CONNECT_SECONDS))
    with made.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION')")
        if "mariadb" in made.get_server_info().lower():
            cursor.execute(f"SET SESSION max_statement_time = {settings.statement_timeout:.3f}")
        else:
            cursor.execute(f"SET SESSION max_execution_time = {int(settings.statement_timeout * 1000)}")
        cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {max(int(settings.statement_timeout), 1)}")
    made.commit()
    return made


def _file_of(certificate: str) -> str:
    """Give a file that holds a certificate, as libpq wants it; written once per certificate."""
    import os
    import tempfile

    name = f"banyan-ca-{hashlib.sha256(certificate.encode()).hexdigest()[:24]}.pem"
    path = os.path.join(tempfile.gettempdir(), f"{name}.{os.getuid()}")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(certificate)
    return path
