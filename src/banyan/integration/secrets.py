"""Secrets of outside systems: sealed under a key that the database does not hold.

    sealed = seal("s3cret", "integration.system:018f…:token")
    reveal(sealed, "integration.system:018f…:token")

A sealed text is `v1.<key id>.<base64url of nonce and AES-256-GCM>`; the purpose is bound into it, so that a secret
moved to another record opens nothing. Keys stand in BANYAN_SECRETS_KEY or in the file `secrets-keys` of the data
folder, the newest first, each as `id:base64`; while they are rotated two are valid.

Source: docs/configuration.md, "The keys of the secrets"; NIST SP 800-38D
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets as chance
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from banyan.lib.errors import Conflict

_VERSION = "v1"
_KEY = re.compile(r"([0-9a-z]{4,16}):([A-Za-z0-9+/_-]{43}=?)")
_TO_URL = str.maketrans("+/", "-_")
MOST_CHARACTERS = 16_384


class SecretUnreadable(Conflict):
    code = "integration.secret_unreadable"
    zh = "密文无法用现有密钥 {keys} 解开（所需密钥 {key}）"
    en = "A sealed secret cannot be opened with the keys at hand ({keys}); it needs key {key}"
    way_out_zh = "恢复数据目录中的 secrets-keys 或 BANYAN_SECRETS_KEY，或重新填写该凭据"
    way_out_en = "Restore secrets-keys in the data folder or BANYAN_SECRETS_KEY, or enter the secret again"


class SecretKeysUnreadable(Conflict):
    code = "integration.secret_keys_unreadable"
    zh = "密钥无法读取：{where}"
    en = "The keys of the secrets cannot be read: {where}"
    way_out_zh = "每行（或逗号之间）写 编号:base64，密钥 32 字节，最新的在前，至多两个"
    way_out_en = "Write id:base64 per line (or between commas), 32 bytes each, the newest first, two at most"


class SecretKeysElsewhere(Conflict):
    code = "integration.secret_keys_elsewhere"
    zh = "密钥来自 BANYAN_SECRETS_KEY，不能在此更换"
    en = "The keys come from BANYAN_SECRETS_KEY and cannot be changed here"
    way_out_zh = "在该变量最前面加入新密钥，重启后重新加密，再去掉旧密钥"
    way_out_en = "Put a new key in front in that variable, restart, reseal, then take the old one out"


class SecretKeysBusy(Conflict):
    code = "integration.secret_keys_busy"
    zh = "上一次更换密钥尚未结束，仍有两个密钥有效"
    en = "The last rotation has not ended: two keys are still valid"
    way_out_zh = "先完成重新加密，使旧密钥失效，再更换"
    way_out_en = "Reseal and retire the older key first, then rotate again"


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key and its short name. It has no readable form, so that no log can show it."""

    id: str
    value: bytes

    def __repr__(self) -> str:
        return f"<key {self.id}>"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who keeps sealed texts.

    Takes:  sealed: gives (place, purpose, sealed); put: replaces one if it still reads as before, and says whether
    """

    name: str
    sealed: Callable[[], Iterator[tuple[object, str, str]]]
    put: Callable[[object, str, str], bool]


_holders: dict[str, Holder] = {}


def holds_secrets(holder: Holder) -> None:
    """Register a keeper of sealed texts, so that rotating the key reaches them."""
    _holders[holder.name] = holder


def seal(clear: str, purpose: str) -> str:
    """Give a secret sealed under the newest key, for one purpose. Raises: ValueError for what is no secret."""
    if not clear or len(clear) > MOST_CHARACTERS:
        raise ValueError(f"a secret has 1 to {MOST_CHARACTERS} characters")
    key = keys()[0]
    nonce = chance.token_bytes(12)
    box = AESGCM(key.value).encrypt(nonce, clear.encode(), _bound(key.id, purpose))
    return f"{_VERSION}.{key.id}.{base64.urlsafe_b64encode(nonce + box).decode().rstrip('=')}"


def reveal(sealed: str, purpose: str) -> str:
    """Give the secret of a sealed text. Raises: SecretUnreadable: other key, other purpose, or changed."""
    named = key_of(sealed)
    for key in keys():
        if key.id != named:
            continue
        try:
            box = base64.urlsafe_b64decode(_padded(sealed.split(".", 2)[2]))
            return AESGCM(key.value).decrypt(box[:12], box[12:], _bound(key.id, purpose)).decode()
        except (InvalidTag, ValueError, binascii.Error):
            break
    raise SecretUnreadable(keys=[key.id for key in keys()], key=named or "?")


def key_of(sealed: str) -> str:
    """Give the name of the key a sealed text needs; empty for what is no sealed text."""
    version, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if version == _VERSION else ""


def is_sealed(text: str) -> bool:
    """Say whether a text looks sealed."""
    return bool(re.fullmatch(r"v1\.[0-9a-z]{4,16}\.[A-Za-z0-9_-]{38,}", text))


def resealed(sealed: str, purpose: str) -> str | None:
    """Give the text sealed under the newest key, None where it is already. Raises: SecretUnreadable."""
    if key_of(sealed) == keys()[0].id:
        return None
    return seal(reveal(sealed, purpose), purpose)


def keys() -> tuple[Key, ...]:
    """Give the valid keys, the newest first; the first call makes one.

    Raises: SecretKeysUnreadable
    Writes: `secrets-keys` in the data folder, mode 600, where there are none
    """
    given = _given()
    if given:
        return _read(given, "BANYAN_SECRETS_KEY")
    file = _file()
    try:
        stat = file.stat()
    except FileNotFoundError:
        _write_first(file)
        stat = file.stat()
    return _keys_of(file, stat.st_mtime_ns, stat.st_ino)


def rotate() -> Key:
    """Put a new key in front; the one before stays valid until `retire`.

    Raises: SecretKeysElsewhere, SecretKeysBusy
    Writes: `secrets-keys`
    """
    if _given():
        raise SecretKeysElsewhere()
    present = keys()
    if len(present) > 1:
        raise SecretKeysBusy()
    made = Key(_new_id(present), chance.token_bytes(32))
    _write(_file(), (made, *present))
    return made


def reseal() -> dict[str, int]:
    """Seal anew, under the newest key, all that is kept under an older one. May be run again at any time.

    Gives:  how many were resealed, by keeper
    """
    counts: dict[str, int] = {}
    for holder in _holders.values():
        done = 0
        for place, purpose, sealed in holder.sealed():
            anew = resealed(sealed, purpose)
            if anew is not None and holder.put(place, sealed, anew):
                done += 1
        counts[holder.name] = done
    return counts


def in_use() -> dict[str, int]:
    """Give how many sealed texts need each key."""
    counts = {key.id: 0 for key in keys()}
    for holder in _holders.values():
        for _, _, sealed in holder.sealed():
            named = key_of(sealed)
            counts[named] = counts.get(named, 0) + 1
    return counts


def retire() -> tuple[str, ...]:
    """Take away the older key once nothing needs it, and give the names of what went.

    Raises: SecretKeysElsewhere; SecretKeysBusy where something is still sealed under it
    """
    if _given():
        raise SecretKeysElsewhere()
    newest, *older = keys()
    used = in_use()
    if any(used.get(key.id) for key in older):
        raise SecretKeysBusy()
    if older:
        _write(_file(), (newest,))
    return tuple(key.id for key in older)


def new_key() -> str:
    """Give the text of a new key, for BANYAN_SECRETS_KEY."""
    return f"{chance.token_hex(4)}:{base64.b64encode(chance.token_bytes(32)).decode()}"


def _bound(key_id: str, purpose: str) -> bytes:
    return f"{_VERSION}.{key_id}.{purpose}".encode()


def _given() -> str:
    return str(getattr(settings, "BANYAN_SECRETS_KEY", "") or "")


def _file() -> Path:
    return Path(settings.BANYAN_SECRETS_FILE)


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


@lru_cache(8)
def _keys_of(file: Path, changed: int, inode: int) -> tuple[Key, ...]:
    return _read(file.read_text(), str(file))


def _read(text: str, where: str) -> tuple[Key, ...]:
    found = []
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        match = _KEY.fullmatch(part.strip())
        value = base64.urlsafe_b64decode(_padded(match.group(2).rstrip("=").translate(_TO_URL))) if match else b""
        if match is None or len(value) != 32:
            raise SecretKeysUnreadable(where=where)
        found.append(Key(match.group(1), value))
    if not found or len(found) > 2 or len({key.id for key in found}) != len(found):
        raise SecretKeysUnreadable(where=where)
    return tuple(found)


def _new_id(present: tuple[Key, ...]) -> str:
    while (made := chance.token_hex(4)) in {key.id for key in present}:
        pass
    return made


def _lines(written: tuple[Key, ...]) -> bytes:
    return "".join(f"{key.id}:{base64.b64encode(key.value).decode()}\n" for key in written).encode()


def _draft(file: Path, written: tuple[Key, ...]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}.{chance.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, _lines(written))
        os.fsync(handle)
    finally:
        os.close(handle)
    return draft


def _write_first(file: Path) -> None:
    draft = _draft(file, (Key(_new_id(()), chance.token_bytes(32)),))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    draft.unlink()


def _write(file: Path, written: tuple[Key, ...]) -> None:
    os.replace(_draft(file, written), file)
