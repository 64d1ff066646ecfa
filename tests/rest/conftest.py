"""A caller of the REST interface: an account, its token, and requests with JSON in and out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from banyan.kernel import access
from banyan.kernel.models import AccessToken, Role, RoleGrant, User, UserRole
from banyan.lib.ids import new_id

ROOT = "/api/v1"


@dataclass
class Api:
    """Requests of one account; `user` is who it is."""

    user: User
    token: str
    client: Client

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        kind: str = "application/json",
        **headers: str,
    ):
        data = (
            raw if raw is not None else b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        )
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        address = path if path.startswith("/") else f"{ROOT}/{path}"
        if self.token:
            named = {"Authorization": f"Bearer {self.token}"} | named
        answer = self.client.generic(method, address, data, content_type=kind if data else "", headers=named)
        answer.data = (
            json.loads(answer.content)
            if not answer.streaming and answer.content[:1] in (b"{", b"[")
            else None
        )
        return answer

    def get(self, path: str, **headers: str):
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str):
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str):
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str):
        return self.call("DELETE", path, **headers)


@pytest.fixture(autouse=True)
def _fresh(settings, tmp_path, one_minute):
    """Let every test begin with an unused minute, which does not end, and an empty folder of files."""
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def account(db) -> Callable[..., Api]:
    """Make an account with grants and give its requests: `account("sales.*", ("items.*", "own"))`."""

    def make(
        *grants: str | tuple[str, str], limits=("*",), plants=(), teams=(), language="en", is_program=False
    ) -> Api:
        mark = str(new_id())[-8:]
        user = User.objects.create(
            login=f"caller-{mark}",
            name="Caller",
            language=language,
            is_program=is_program,
            plants=list(plants),
            teams=list(teams),
        )
        role = Role.objects.create(code=f"held-{mark}", name_zh="某", name_en="Some")
        pairs = [g if isinstance(g, tuple) else (g, "all") for g in grants]
        RoleGrant.objects.bulk_create(RoleGrant(role=role, permission=p, reach=r) for p, r in pairs)
        UserRole.objects.bulk_create([UserRole(user=user, role=role)])
        token = access.new_token()
        AccessToken.objects.create(
            user=user, name="test", digest=access.token_digest(token), scopes=list(limits)
        )
        return Api(user, token, Client(raise_request_exception=False))

    return make


@pytest.fixture
def api(account) -> Api:
    """Give the requests of an account that may do everything."""
    return account("*")
