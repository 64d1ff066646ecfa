"""OAuth2 for programs: the client credentials grant at /oauth/token, revocation at /oauth/revoke.

Scopes are permission patterns such as `sales.* items.item.read`; a token may do what its account may and both its
scopes and its client's cover. Only a hash of a token is kept. Source: RFC 6749, 7009.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote_plus

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes
from oauth2_provider.views import RevokeTokenView, TokenView

from banyan.kernel import clients, rates
from banyan.kernel.context import narrowed
from banyan.kernel.models import Client
from banyan.kernel.tokens import is_pattern
from banyan.lib.errors import DomainError, TooLarge
from banyan.web.devices import address_of
from banyan.web.rest import answers, bodies, callers

ASKS_PER_MINUTE = 30
_BODY_MOST = 64 * 1024


class Scopes(SettingsScopes):
    """Without a wish, a token may do all that its account may."""

    def get_default_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return ["*"]


class Validator(OAuth2Validator):
    """Clients that run, of active program accounts; one grant; scopes that are permission patterns; two secrets."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Take the client's present secret, and its old one while that is still good."""
        if super().authenticate_client(request, *args, **kwargs):
            return True
        client_id, secret = self._given(request)
        return (
            bool(secret)
            and self._load_application(client_id, request) is not None
            and clients.is_old_secret(client_id, secret, timezone.now())
        )

    def _given(self, request: Any) -> tuple[str, str]:
        text = self._extract_basic_auth(request)
        if not text:
            return getattr(request, "client_id", "") or "", getattr(request, "client_secret", "") or ""
        try:
            client_id, _, secret = base64.b64decode(text).decode().partition(":")
        except ValueError:
            return "", ""
        return unquote_plus(client_id), unquote_plus(secret)

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        if not 0 < len(scopes) <= 50 or not all(is_pattern(scope) for scope in scopes):
            return False
        limits = Client.objects.filter(client_id=client_id).values_list("scopes", flat=True).first()
        return limits is not None and bool(narrowed(tuple(scopes), tuple(limits)))

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        owner = client.user
        return (
            grant_type == "client_credentials" and owner is not None and owner.is_active and owner.is_program
            and Client.objects.filter(client_id=client.client_id, state="active").exists()
        )  # fmt: skip


def _guarded(view: Any) -> Any:
    """Limit how often an address may ask, and how much it may send."""

    @csrf_exempt
    def guarded(request: HttpRequest) -> HttpResponse:
        language = callers.language_of(request)
        if request.method != "POST":
            return answers.not_allowed(("POST",), request, language)
        try:
            rates.take(f"oauth:{address_of(request)}", ASKS_PER_MINUTE, lease=1)
            if int(request.META.get("CONTENT_LENGTH") or 0) > _BODY_MOST:
                raise TooLarge()
            if bodies.media_type(request) not in ("application/x-www-form-urlencoded", ""):
                raise bodies.form_wanted()
            return view(request)
        except DomainError as refusal:
            return answers.problem(request, refusal, language)
        except Exception as fault:
            return answers.incident(request, fault, language)

    return guarded


urlpatterns = [
    path("token", _guarded(TokenView.as_view()), name="oauth_token"),
    path("revoke", _guarded(RevokeTokenView.as_view()), name="oauth_revoke"),
]
