"""Standard Webhooks: signing and checking, with several secrets valid at once.

Source: Standard Webhooks specification 1.0.0, github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from banyan.integration.connecting import Failed
from banyan.lib.labels import L

TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 20


def keys_of(text: str) -> tuple[bytes, ...]:
    """Give the keys of a secret field: one or more `whsec_<base64>`, apart by blanks or commas, the newest first.

    Raises: Failed("refused") where one is no key of 24 to 64 bytes
    """
    found = []
    for word in text.replace(",", " ").split():
        try:
            key = base64.b64decode(word.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not 24 <= len(key) <= 64:
            raise Failed(
                "refused",
                L(
                    "签名密钥须为 whsec_ 加 24 至 64 字节的 base64",
                    "A signing secret is whsec_ and the base64 of 24 to 64 bytes",
                ),
            )
        found.append(key)
    if not found:
        raise Failed("refused", L("外部系统未填写签名密钥", "The system's signing secret has not been entered"))
    return tuple(found)


def signature(key: bytes, message_id: str, seconds: int | str, body: bytes) -> str:
    """Give one signature, such as `v1,…`."""
    signed = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def check(
    keys: Sequence[bytes], message_id: str, seconds: str, signatures: str, body: bytes, now: datetime,
    tolerance: float = TOLERANCE_SECONDS,
) -> None:  # fmt: skip
    """Refuse a request that no valid key has signed within the tolerance. Raises: Failed("forged")."""
    if not message_id or not seconds or not signatures or "." in message_id:
        raise Failed(
            "forged",
            L(
                "缺少 webhook-id、webhook-timestamp 或 webhook-signature",
                "webhook-id, webhook-timestamp or webhook-signature is missing",
            ),
        )
    if not (seconds.isascii() and seconds.isdigit()) or abs(now.timestamp() - int(seconds[:15])) > tolerance:
        raise Failed(
            "forged",
            L("时间戳超出允许的 {seconds} 秒", "The timestamp is more than {seconds} seconds off").filled(
                {"seconds": str(int(tolerance))}
            ),
        )
    given = [each for each in signatures.split(" ")[:MOST_SIGNATURES] if each.startswith("v1,")]
    is_good = False
    for key in keys:
        expected = signature(key, message_id, seconds, body)
        for each in given:
            is_good |= hmac.compare_digest(expected.encode(), each.encode("utf-8", "replace"))
    if not is_good:
        raise Failed("forged", L("签名不符", "The signature does not match"))
