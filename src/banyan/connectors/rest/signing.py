"""Proving who we are: OAuth2 tokens kept while they last, requests signed as the settings say."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from banyan.connectors.rest.settings import Auth, Signing
from banyan.integration import clocks
from banyan.integration.connecting import Connection, Failed
from banyan.integration.templates import filled
from banyan.lib.labels import L

EARLY_SECONDS = 30.0
_tokens: dict[tuple[str, ...], tuple[str, float]] = {}
_gates: dict[tuple[str, ...], threading.Lock] = {}


class Secrets(Mapping[str, str]):
    """A system's secrets by name, each revealed only when a slot asks for it; remembers what must be covered."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.shown = connection, []

    def __getitem__(self, name: str) -> str:
        value = self.connection.secret(name)
        if not value:
            raise KeyError(name)
        self.shown.append(value)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def needed(secrets_of: Secrets, name: str) -> str:
    """Give a secret that must be there. Raises: Failed("refused") naming it."""
    try:
        return secrets_of[name]
    except KeyError:
        raise Failed(
            "refused",
            L("外部系统未填写凭据 {name}", "The system's secret {name} has not been entered").filled({"name": name}),
        ) from None


def basic(user: str, password: str) -> str:
    """Give the value of an Authorization header (RFC 7617, UTF-8)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def token(connection: Connection, auth: Auth, secrets_of: Secrets) -> str:
    """Give an access token by client credentials (RFC 6749, 4.4), the kept one while it lasts.

    Raises: Failed: as the token's address answers
    """
    client_secret = needed(secrets_of, "client_secret")
    key = _key(connection, auth, client_secret)
    with _gates.setdefault(key, threading.Lock()):
        kept = _tokens.get(key)
        if kept and kept[1] > time.monotonic():
            secrets_of.shown.append(kept[0])
            return kept[0]
        form = {"grant_type": "client_credentials"}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if auth.client_in == "body":
            form |= {"client_id": auth.client_id, "client_secret": client_secret}
        else:
            headers["Authorization"] = basic(auth.client_id, client_secret)
        form |= {name: value for name, value in (("scope", auth.scope), ("audience", auth.audience)) if value}
        said = connection.http.request(
            "POST", auth.token_address, headers=headers, body=urlencode(form).encode(),
            timeout=connection.timeout, most_bytes=65_536, hide=tuple(secrets_of.shown),
        ).checked().json()  # fmt: skip
        found = said.get("access_token") if isinstance(said, Mapping) else None
        if not isinstance(found, str) or not found:
            raise Failed("refused", L("令牌地址的应答中没有 access_token", "The answer holds no access_token"))
        try:
            lasts = float(said.get("expires_in") or 300)
        except (TypeError, ValueError):
            lasts = 300.0
        _tokens[key] = (found, time.monotonic() + max(lasts - EARLY_SECONDS, min(lasts / 2, EARLY_SECONDS)))
        secrets_of.shown.append(found)
        return found


def forget(connection: Connection, auth: Auth, secrets_of: Secrets, used: str) -> None:
    """Forget a token that was refused, unless another has taken its place."""
    key = _key(connection, auth, needed(secrets_of, "client_secret"))
    with _gates.setdefault(key, threading.Lock()):
        if _tokens.get(key, ("", 0.0))[0] == used:
            del _tokens[key]


def signed(
    signing: Signing,
    connection: Connection,
    secrets_of: Secrets,
    *,
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
    form: Sequence[tuple[str, str]] = (),
    nonce: str = "",
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Give the query and headers of a request with what signs it.

    Takes:  query and form: as they will be sent, not yet encoded; nonce: for tests, else made
    Gives:  the query sorted by name, so that what is signed is what is sent
    """
    facts = {
        "method": method, "path": path, "nonce": nonce or secrets.token_hex(16),
        "timestamp": clocks.written(connection.now, signing.clock, signing.zone), "secret": secrets_of,
        "body": body.decode("utf-8", "surrogateescape"), "body_sha256": hashlib.sha256(body).hexdigest(),
        "body_md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }  # fmt: skip
    early, late = _early(signing.query), _late(signing.query)
    pairs = sorted([*query, *((name, str(filled(text, facts))) for name, text in early.items())])
    made = {**headers, **{name: str(filled(text, facts)) for name, text in _early(signing.headers).items()}}
    facts["query"] = urlencode(pairs)
    facts["params"] = "".join(f"{name}{value}" for name, value in sorted([*pairs, *form]))
    facts["header"] = {name.lower(): value for name, value in made.items()}
    message = signing.joiner.join(str(filled(part, facts)) for part in signing.parts)
    facts["signature"] = _encoded(_hashed(signing, message.encode("utf-8", "surrogateescape"), secrets_of), signing)
    pairs += [(name, str(filled(text, facts))) for name, text in late.items()]
    made |= {name: str(filled(text, facts)) for name, text in _late(signing.headers).items()}
    return pairs, made


def _early(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if "{signature}" not in text}


def _late(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if "{signature}" in text}


def _hashed(signing: Signing, message: bytes, secrets_of: Secrets) -> bytes:
    if not signing.is_keyed:
        return hashlib.new(signing.hash, message, usedforsecurity=False).digest()
    return hmac.new(_key_bytes(signing, needed(secrets_of, signing.secret)), message, signing.hash).digest()


def _key_bytes(signing: Signing, secret: str) -> bytes:
    try:
        match signing.secret_encoding:
            case "base64":
                return base64.b64decode(secret, validate=True)
            case "hex":
                return bytes.fromhex(secret)
            case _:
                return secret.encode()
    except (binascii.Error, ValueError):
        raise Failed(
            "refused",
            L("签名密钥不是 {encoding} 编码", "The signing key is not in {encoding}").filled(
                {"encoding": signing.secret_encoding}
            ),
        ) from None


def _encoded(digest: bytes, signing: Signing) -> str:
    match signing.encoding:
        case "hex":
            return digest.hex()
        case "HEX":
            return digest.hex().upper()
        case "base64":
            return base64.b64encode(digest).decode()
        case _:
            return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _key(connection: Connection, auth: Auth, secret: str) -> tuple[str, ...]:
    fingerprint = hashlib.sha256(secret.encode()).hexdigest()
    return (
        connection.system, connection.environment, auth.token_address, auth.client_id, auth.scope, auth.audience,
        fingerprint,
    )  # fmt: skip
