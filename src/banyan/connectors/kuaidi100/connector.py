"""Kuaidi100: one track asked, tracks subscribed and pushed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import Call, Platform, compact, judged, needed
from banyan.connectors.signing import digest, keyed, same
from banyan.integration.connecting import Connection, Failed, Incoming, Received, Reply, connector
from banyan.kernel.schema import field
from banyan.lib.labels import L


class Kuaidi100Settings(BaseModel):
    """Our company's code at Kuaidi100, and where pushes shall come to: our address of `…/hooks/<system>/pushed`."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("地址", "Address", "https://poll.kuaidi100.com", pattern=r"^https?://")
    customer: str = field("公司编号（customer）", "Customer")
    push_address: str = field("推送到", "Pushes come to", "")


@connector
class Kuaidi100(Platform):
    """Tracks of all carriers by one interface."""

    key = "kuaidi100"
    label = L("快递100", "Kuaidi100")
    help = L("查询与订阅各家快递的物流轨迹", "Asks for and subscribes to tracks of all carriers")
    settings = Kuaidi100Settings
    secrets = ("key", "salt")
    calls = (
        Call("track", L("查询轨迹", "Ask for a track"), "poll/query.do", sample="track.json"),
        Call("subscribe", L("订阅轨迹", "Subscribe to a track"), "poll", sample="subscribe.json"),
        Call("pushed", L("轨迹推送", "Tracks pushed"), "", hears=True, sample="pushed.json"),
    )

    def ask(self, connection: Connection, call: Call, parameters: Mapping[str, Any]) -> Any:
        """Ask for a track ({com, num, phone?}) or subscribe ({company, number, phone?, reference?}).

        Takes:  reference: our own name of it, which comes back with each push
        Gives:  what Kuaidi100 says; of a track also `latest`, its newest step
        Raises: Failed
        """
        settings: Kuaidi100Settings = connection.settings
        key = needed(connection, "key")
        if not call.name:
            raise Failed("refused", L("轨迹由快递100推送", "Tracks are pushed by Kuaidi100"))
        if call.key == "track":
            text = compact(dict(parameters))
            form = {"customer": settings.customer, "sign": sign(text, key, settings.customer), "param": text}
        else:
            given = dict(parameters)
            address = _push_address(connection, str(given.pop("reference", None) or ""), str(given.get("number") or ""))
            more = {"callbackurl": address, "salt": connection.secret("salt"), "resultv2": "4"}
            if given.get("phone"):
                more["phone"] = given.pop("phone")
            form = {"schema": "json", "param": compact({**given, "key": key, "parameters": more})}
        said = connection.http.request(
            "POST", f"{settings.address.rstrip('/')}/{call.name}", body=urlencode(form).encode(), hide=(key,),
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        ).checked().json()  # fmt: skip
        said = said if isinstance(said, Mapping) else {}
        code = str(said.get("returnCode", said.get("status", "")))
        # 501 of a subscription: it is subscribed already, which is what was wanted.
        if code == "200" or (call.key == "subscribe" and code == "501"):
            return said if call.key == "subscribe" else {**said, "latest": _latest(said)}
        raise judged(code, said.get("message"), passing=PASSING, denied=DENIED, hide=(key,))

    def receive(self, connection: Connection, operation: str, request: Received) -> tuple[Incoming, ...]:
        """Check the salted signature and give the track, with its newest step as `latest` and our own `reference`."""
        self.call(operation)
        form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        text, given = form.get("param", [""])[0], form.get("sign", [""])[0]
        if not same(given.upper(), sign(text, needed(connection, "salt"))):
            raise Failed("forged", L("签名不符", "The signature does not match"))
        try:
            body = json.loads(text)
        except ValueError:
            raise Failed("validation", L("param 不是 JSON", "param is not JSON")) from None
        if not isinstance(body, dict):
            raise Failed("validation", L("param 不是对象", "param is no object"))
        last = body.get("lastResult") or {}
        number, reference = str(last.get("nu", "")), str(request.query.get("reference") or "")
        # The signature covers param only: that this track is that of our shipment is signed by ourselves.
        if reference and not same(str(request.query.get("check") or ""), _check(connection, reference, number)):
            raise Failed("forged", L("回传的单号与运单不符", "The reference is not that of this waybill"))
        told = {**body, "latest": _latest(last), "reference": reference or None}
        name = sha256(f"{reference} {text}".encode()).hexdigest()
        return (Incoming(name, told, number, "kuaidi100.track", raw=text),)

    def answer(self, connection: Connection, operation: str, taken: int, fault: Failed | None) -> Reply:
        """Give the words that end Kuaidi100's repeating, or its reason to repeat."""
        if fault is None:
            return Reply('{"result":true,"returnCode":"200","message":"成功"}'.encode())
        status = 401 if fault.kind == "forged" else 503 if fault.is_passing else 422
        return Reply('{"result":false,"returnCode":"500","message":"失败"}'.encode(), status)


PASSING = frozenset({"502", "504"})
#: Signature, key, balance or right.
DENIED = frozenset({"503", "600", "601", "701"})


def _push_address(connection: Connection, reference: str, number: str) -> str:
    """Give where pushes shall come to. What is appended to it comes back.

    Source: kuaidi100-api/java-demo, SubscribeParameters.callbackurl
    """
    address: str = connection.settings.push_address
    if not reference:
        return address
    if not address:
        raise Failed("refused", L("外部系统未填写推送地址 push_address", "The system's push_address is not entered"))
    more = urlencode({"reference": reference, "check": _check(connection, reference, number)})
    return f"{address}{'&' if urlsplit(address).query else '?'}{more}"


def _check(connection: Connection, reference: str, number: str) -> str:
    return keyed(f"{reference} {number}", needed(connection, "salt")).hex()[:32]


def _latest(result: Mapping[str, Any]) -> Any:
    """Give the newest step of a track: the steps are all there are, the newest first."""
    steps = result.get("data")
    return steps[0] if isinstance(steps, list) and steps else None


def sign(*parts: str) -> str:
    """Give a signature of Kuaidi100: MD5 of the parts run together, upper hex.

    Source: 快递100, 实时快递查询接口文档 (param + key + customer); 快递信息推送 (param + salt)
    """
    return digest("".join(parts), "md5").hex().upper()
