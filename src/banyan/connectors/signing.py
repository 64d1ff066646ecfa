"""What partners' signatures are made of: sorted pairs, wrapped secrets, digests in hex or base64.

Each preset says in one line which of these its partner uses; none computes a digest by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Literal

CHINA = timezone(timedelta(hours=8))
Algorithm = Literal["md5", "sha1", "sha256"]


def joined(pairs: Mapping[str, str], *, skip: tuple[str, ...] = ("sign",), empty: bool = True) -> str:
    """Give names and values one after the other, sorted by name in byte order, nothing between them.

    Takes:  skip: names left out; empty: whether pairs without a value take part
    """
    chosen = (
        (name, value) for name, value in pairs.items() if name not in skip and (empty or value not in ("", None))
    )
    return "".join(f"{name}{value}" for name, value in sorted(chosen, key=lambda pair: pair[0].encode()))


def wrapped(text: str, secret: str) -> str:
    """Give the text with the secret before and behind it."""
    return f"{secret}{text}{secret}"


def digest(text: str | bytes, algorithm: Algorithm = "md5") -> bytes:
    """Give the plain digest of a text in UTF-8."""
    return hashlib.new(algorithm, _octets(text)).digest()


def keyed(text: str | bytes, secret: str | bytes, algorithm: Algorithm = "sha256") -> bytes:
    """Give the HMAC of a text in UTF-8."""
    return hmac.new(_octets(secret), _octets(text), algorithm).digest()


def base64(octets: bytes) -> str:
    """Give octets in base64, padded."""
    return b64encode(octets).decode("ascii")


def same(given: str, wanted: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def china_time(at: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Give an instant as the Chinese platforms write it: UTC+8, to the second."""
    return at.astimezone(CHINA).strftime(form)


def from_china(text: str, form: str = "%Y-%m-%d %H:%M:%S") -> datetime:
    """Give the instant that a Chinese platform wrote."""
    return datetime.strptime(text, form).replace(tzinfo=CHINA)


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
