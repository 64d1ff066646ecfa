"""Where files lie: a folder below the exchange folder, an SFTP server whose key is known, or a bucket (file/s3.py)."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings

from banyan.connectors.file.entries import Entry, Place, another
from banyan.connectors.file.s3 import S3
from banyan.connectors.file.settings import FileSettings
from banyan.integration.connecting import Connection, Failed
from banyan.integration.guard import too_large
from banyan.lib.labels import L

if TYPE_CHECKING:
    import paramiko


class Local:
    """A folder below `BANYAN_EXCHANGE`; nothing above it is reached, also not by a symbolic link."""

    def __init__(self, folder: str) -> None:
        self.root = Path(django_settings.BANYAN_EXCHANGE_FOLDER).resolve() / folder.strip("/")
        self.root.mkdir(parents=True, exist_ok=True)
        self._inside(self.root)

    def files(self, folder: str) -> list[Entry]:
        here = self._inside(self.root / folder)
        if not here.is_dir():
            return []
        found = []
        with os.scandir(here) as entries:
            for each in entries:
                if each.is_file(follow_symlinks=False):
                    facts = each.stat(follow_symlinks=False)
                    found.append(Entry(each.name, facts.st_size, facts.st_mtime))
        return sorted(found, key=lambda each: (each.changed, each.name))

    def read(self, path: str, most_bytes: int) -> bytes:
        file = self._inside(self.root / path)
        try:
            handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise Failed("transport", f"{path}: {error.strerror}") from None
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise Failed("refused", L(f"{path} 不是普通文件", f"{path} is no plain file"))
            return _limited(opened.read(most_bytes + 1), most_bytes)

    def write(self, path: str, body: bytes) -> None:
        file = self._inside(self.root / path)
        draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(draft, "wb") as opened:
                opened.write(body)
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(draft, file)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise Failed("transport", f"{path}: {error.strerror}") from None

    def move(self, path: str, target: str) -> None:
        source, there = self._inside(self.root / path), self._inside(self.root / target)
        try:
            there.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, _free(there))
        except FileNotFoundError:
            return
        except OSError as error:
            raise Failed("transport", f"{path}: {error.strerror}") from None

    def remove(self, path: str) -> None:
        with suppress(OSError):
            self._inside(self.root / path).unlink()

    def _inside(self, path: Path) -> Path:
        exchange = Path(django_settings.BANYAN_EXCHANGE_FOLDER).resolve()
        parent = path.parent.resolve() / path.name if path != self.root else path.resolve()
        if not parent.is_relative_to(exchange) or not parent.resolve().is_relative_to(exchange):
            raise Failed("not_allowed", L("目录在交换目录之外", "The folder lies outside the exchange folder"))
        return parent


class Sftp:
    """Folders of an SFTP server, over one connection."""

    def __init__(self, client: paramiko.SFTPClient, folder: str) -> None:
        self.client, self.root = client, folder.rstrip("/")

    def files(self, folder: str) -> list[Entry]:
        try:
            rows = self.client.listdir_attr(self._path(folder))
        except FileNotFoundError:
            return []
        found = [
            Entry(row.filename, row.st_size or 0, float(row.st_mtime or 0))
            for row in rows
            if stat.S_ISREG(row.st_mode or 0) and "/" not in row.filename
        ]
        return sorted(found, key=lambda each: (each.changed, each.name))

    def read(self, path: str, most_bytes: int) -> bytes:
        with self.client.open(self._path(path), "rb") as opened:
            opened.prefetch(min(opened.stat().st_size or 0, most_bytes + 1))
            return _limited(opened.read(most_bytes + 1), most_bytes)

    def write(self, path: str, body: bytes) -> None:
        there = self._path(path)
        self._folder(there)
        draft = f"{there}.tmp"
        with self.client.open(draft, "wb") as opened:
            opened.set_pipelined(True)
            opened.write(body)
        self._replace(draft, there)

    def move(self, path: str, target: str) -> None:
        there = self._path(target)
        self._folder(there)
        with suppress(FileNotFoundError):
            try:
                self.client.stat(there)
                there = another(there)
            except FileNotFoundError:
                pass
            self.client.rename(self._path(path), there)

    def remove(self, path: str) -> None:
        with suppress(OSError):
            self.client.remove(self._path(path))

    def _path(self, path: str) -> str:
        return f"{self.root}/{path}".rstrip("/") if self.root else path or "."

    def _replace(self, draft: str, there: str) -> None:
        try:
            self.client.posix_rename(draft, there)
        except OSError:
            with suppress(OSError):
                self.client.remove(there)
            self.client.rename(draft, there)

    def _folder(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if not folder:
            return
        try:
            self.client.stat(folder)
        except FileNotFoundError:
            with suppress(OSError):
                self.client.mkdir(folder)


@contextmanager
def place_of(connection: Connection) -> Iterator[Place]:
    """Give the place of a system for the length of a call. Raises: Failed: transport, refused, not_allowed, timeout."""
    settings: FileSettings = connection.settings
    if settings.place == "local":
        yield Local(settings.folder)
        return
    if settings.place == "s3":
        yield S3(connection)
        return
    import paramiko

    address = connection.allows(settings.host, settings.port)
    transport: Any = None
    try:
        opened = socket.create_connection((address, settings.port), timeout=min(connection.timeout, 10.0))
        transport = paramiko.Transport(opened)
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = connection.timeout
        transport.start_client(timeout=connection.timeout)
        _check_key(transport, settings)
        _prove(transport, connection)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise Failed("refused", "SFTP")
        client.get_channel().settimeout(connection.timeout)  # type: ignore[union-attr]
        yield Sftp(client, settings.folder)
    except TimeoutError:
        raise Failed("timeout", L("SFTP 未在时限内应答", "SFTP did not answer in time")) from None
    except paramiko.AuthenticationException:
        raise Failed("refused", L("SFTP 登录被拒绝", "SFTP refused the sign-in")) from None
    except PermissionError as error:
        raise Failed("refused", f"SFTP: {error.strerror or error}") from None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Failed("transport", f"SFTP: {error or type(error).__name__}") from None
    finally:
        if transport is not None:
            transport.close()


def fingerprint(key: bytes) -> str:
    """Give a key's fingerprint as ssh-keygen -l writes it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _check_key(transport: paramiko.Transport, settings: FileSettings) -> None:
    found = fingerprint(transport.get_remote_server_key().asbytes())
    if found != settings.host_key.strip().rstrip("="):
        raise Failed(
            "refused",
            L(
                f"主机密钥为 {found}，与所填不符：可能是他人冒充；请向对方核实",
                f"The host's key is {found}, not the one entered: it may be an impostor; ask the partner",
            ),
        )


def _prove(transport: paramiko.Transport, connection: Connection) -> None:
    import paramiko

    settings: FileSettings = connection.settings
    text = connection.secret("private_key")
    if not text:
        transport.auth_password(settings.user, connection.secret("password"))
        return
    import io

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key = kind.from_private_key(io.StringIO(text), connection.secret("passphrase") or None)
        except (paramiko.SSHException, ValueError, IndexError):
            continue
        transport.auth_publickey(settings.user, key)
        return
    raise Failed("refused", L("私钥无法读取", "The private key cannot be read"))


def _limited(body: bytes, most_bytes: int) -> bytes:
    if len(body) > most_bytes:
        raise too_large(most_bytes)
    return body


def _free(path: Path) -> Path:
    return path if not path.exists() else path.with_name(another(path.name))
