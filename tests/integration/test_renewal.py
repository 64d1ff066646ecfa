"""Session keys that end: renewed before, kept sealed, refused when old; a failure is seen and told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from banyan.integration.commands.renewing import due
from banyan.integration.connecting import Failed, connector_of
from banyan.integration.jobs import renew_due
from banyan.integration.models import Secret
from banyan.integration.plans import link_of
from banyan.integration.watch import alerts
from tests.integration.partner import partner
from tests.integration.shop import Integrator
from tests.partners.shops import form_of

pytestmark = pytest.mark.django_db
LASTS = timedelta(days=6)


class Platform:
    """A platform that gives session keys: each refresh token counts once, and a new key ends the old one."""

    def __init__(self) -> None:
        self.token, self.refresh, self.given, self.refused = "token-0", "refresh-0", 0, []

    def renews(self, refresh: str) -> dict | None:
        if refresh != self.refresh:
            self.refused.append(refresh)
            return None
        self.given += 1
        self.token, self.refresh = f"token-{self.given}", f"refresh-{self.given}"
        return {"access_token": self.token, "refresh_token": self.refresh, "expires_in": int(LASTS.total_seconds())}


class TaobaoKeys(Platform):
    key, settings, secret, before = "taobao", {"app_key": "1"}, "app_secret", timedelta(days=1)

    def answer(self, asked):
        form = form_of(asked)
        if form["method"] == "taobao.top.auth.token.refresh":
            assert "session" not in form
            made = self.renews(form["refresh_token"])
            if made is None:
                return {"error_response": {"code": 15, "msg": "Remote service error", "sub_code": "isv.invalid-token"}}
            # As TOP writes it: a JSON text, its end in milliseconds since 1970.
            ends = datetime.now(UTC) + timedelta(seconds=made.pop("expires_in"))
            text = json.dumps(made | {"expire_time": int(ends.timestamp() * 1000)})
            return {"top_auth_token_refresh_response": {"token_result": text}}
        if form["session"] != self.token:
            return {"error_response": {"code": 27, "msg": "Invalid session"}}
        return {"trades_sold_increment_get_response": {"total_results": 0}}


class JdKeys(Platform):
    key, settings, secret, before = "jd", {"app_key": "1"}, "app_secret", timedelta(days=1)

    def answer(self, asked):
        if asked.path == "/oauth2/refresh_token":
            asks = (asked.method, asked.one("app_secret"), asked.one("grant_type"))
            assert asks == ("GET", "s3cret", "refresh_token")
            return self.renews(asked.one("refresh_token")) or {"code": 12, "msg": "refresh_token refresh-0 is over"}
        if form_of(asked)["access_token"] != self.token:
            return {"error_response": {"code": "19", "zh_desc": "access_token 已过期"}}
        return {"jingdong_pop_order_search_responce": {"searchorderinfo_result": {"orderTotal": 0}}}


class DouyinKeys(Platform):
    key, settings, secret, before = "douyin", {"app_key": "1"}, "app_secret", timedelta(minutes=50)

    def answer(self, asked):
        if asked.path == "/token/refresh":
            assert asked.one("access_token") is None
            assert asked.json["grant_type"] == "refresh_token"
            made = self.renews(asked.json["refresh_token"])
            return {"code": 10000, "data": made} if made else {"code": 30001, "sub_code": "isv.refresh-token-invalid"}
        if asked.one("access_token") != self.token:
            return {"code": 30005, "msg": "access_token 已过期"}
        return {"code": 10000, "data": {"shop_order_list": []}}


class PinduoduoKeys(Platform):
    key, settings, secret, before = "pinduoduo", {"client_id": "1"}, "client_secret", timedelta(days=1)

    def answer(self, asked):
        if asked.json["type"] == "pdd.pop.auth.token.refresh":
            assert "access_token" not in asked.json
            made = self.renews(asked.json["refresh_token"])
            return {"pop_auth_token_refresh_response": made} if made else {
                "error_response": {"error_code": 10019, "error_msg": "refresh_token 已过期"}}  # fmt: skip
        if asked.json["access_token"] != self.token:
            return {"error_response": {"error_code": 10019, "error_msg": "access_token 已过期"}}
        return {"order_sn_increment_get_response": {"total_count": 0, "order_sn_list": []}}


KINDS = [TaobaoKeys, JdKeys, DouyinKeys, PinduoduoKeys]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.key)
def joined(request, ctx, settings, tmp_path):
    """Give a platform, the system that leads to it, and the hand that joined them."""
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    platform = request.param()
    hand = Integrator(ctx.with_(now=datetime.now(UTC)))
    session = connector_of(platform.key).session
    with partner(platform.answer) as there:
        more = {"token_address": f"{there.url}/oauth2/refresh_token"} if platform.key == "jd" else {}
        given = {platform.secret: "s3cret", session: platform.token, "refresh_token": platform.refresh}
        settings_of = {"address": there.url} | platform.settings | more
        yield platform, hand.system("SHOP", platform.key, settings_of, given), hand


def polls(system) -> None:
    connector, connection = link_of(system)
    connector.poll(connection(), "orders", None, 10)


def test_a_key_is_renewed_before_it_ends_and_the_old_one_is_refused(joined):
    platform, system, _ = joined
    session = connector_of(platform.key).session
    stale, now = link_of(system)[1](), datetime.now(UTC)
    assert due(now) == [system], "when a key ends that a person entered, nobody knows"
    assert renew_due(now) == 1
    with pytest.raises(Failed) as fault:
        connector_of(platform.key).poll(stale, "orders", None, 10)
    assert fault.value.kind == "not_allowed"
    polls(system)
    kept = Secret.objects.get(system=system, name=session)
    assert abs(kept.ends_at - now - LASTS) < timedelta(seconds=30)
    assert abs(kept.ends_at - kept.renew_at - platform.before) < timedelta(seconds=1)
    assert not any("token-" in one or "refresh-" in one for one in Secret.objects.values_list("sealed", flat=True))
    assert due(kept.renew_at - timedelta(seconds=1)) == []
    assert renew_due(kept.renew_at) == 1
    assert (platform.given, platform.refused) == (2, []), "the new refresh token was kept too"
    polls(system)


def test_a_failure_is_seen_told_and_ended_by_a_new_key(joined):
    platform, system, hand = joined
    session, now = connector_of(platform.key).session, datetime.now(UTC)
    facts = dict(name="续期", measure="renewal", threshold="1", minutes=0, person=hand.account(), way="inbox")
    rule = hand.do("watch.alert_rule.create", records=[facts]).ids[0]
    platform.refresh = "refresh-of-somebody-else"
    assert renew_due(now) == 1
    kept = Secret.objects.get(system=system, name=session)
    assert (kept.failures, kept.ends_at) == (1, None)
    assert kept.renew_at > now
    assert kept.error
    assert not any(secret in kept.error for secret in ("refresh-0", "s3cret"))
    assert {(one.rule, one.system) for one in alerts.broken(now)} == {(rule, system)}
    assert due(now) == []
    polls(system)
    hand.do("integration.secret.set", system=str(system), name="refresh_token", value=platform.refresh)
    assert alerts.broken(now) == {}
    assert renew_due(now) == 1
    assert Secret.objects.get(system=system, name=session).failures == 0


def test_without_a_refresh_token_and_in_a_stopped_system_nothing_is_renewed(joined):
    platform, system, hand = joined
    hand.do("integration.system.stop", system)
    assert due(datetime.now(UTC)) == []
    hand.do("integration.system.resume", system)
    Secret.objects.filter(system=system, name="refresh_token").delete()
    assert due(datetime.now(UTC)) == []
    assert platform.given == 0
