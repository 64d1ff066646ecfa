"""One message, three robots: text or Markdown into a group chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict

from banyan.connectors.platform import judged, needed
from banyan.connectors.signing import base64, keyed
from banyan.integration.connecting import Connection, Connector, Failed, Health, Operation, Outgoing, Sent, connector
from banyan.kernel.nouns import choice
from banyan.kernel.schema import field
from banyan.lib.labels import L


class RobotSettings(BaseModel):
    """Which chat program; its address without the token, which is a secret."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["wecom", "dingtalk", "feishu"] = field("软件", "Program", choices=[
        choice("wecom", "企业微信", "WeCom"), choice("dingtalk", "钉钉", "DingTalk"),
        choice("feishu", "飞书", "Feishu")])  # fmt: skip
    address: str = field("地址", "Address", "", pattern=r"^(https?://.*)?$",
                         help=L("空为官方地址", "The program's own when empty"))  # fmt: skip


ADDRESSES = {
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send",
    "dingtalk": "https://oapi.dingtalk.com/robot/send",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook",
}
#: 45009 and 11232: too often in this minute; 130101 (DingTalk): more than 20 in a minute.
THROTTLED = frozenset({"45009", "130101", "11232", "9499"})
PASSING = frozenset({"-1", "19003"})
DENIED = frozenset({"93000", "300001", "310000", "19001", "19021", "19024", "40035"})


@connector
class Robots(Connector):
    """Group robots of WeCom, DingTalk and Feishu."""

    key = "robots"
    label = L("群机器人（企业微信、钉钉、飞书）", "Group robots (WeCom, DingTalk, Feishu)")
    help = L("把提醒发到群里；钉钉与飞书按密钥加签", "Tells a group chat; signed for DingTalk and Feishu")
    settings = RobotSettings
    secrets = ("token", "signing_secret")
    tells = "tell"

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the one thing they can: `tell`."""
        sample = {"title": "缺料", "text": "工单 WO-17 缺 M8 螺栓 40 件", "mentions": ["13800000000"]}
        return (Operation(self.tells, L("发消息", "Tell"), frozenset({"send"}), samples=(sample,)),)

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Tell a chat.

        Takes:  body: {"text", "title"?: with one it becomes Markdown, "mentions"?: phones, or "all"}
        """
        if out.operation != self.tells:
            raise Failed("refused", f"robots have no {out.operation}")
        body = out.body if isinstance(out.body, Mapping) else {}
        if not str(body.get("text") or "").strip():
            raise Failed("validation", L("缺少 text", "text is missing"))
        settings: RobotSettings = connection.settings
        token, secret = needed(connection, "token"), connection.secret("signing_secret")
        address = (settings.address or ADDRESSES[settings.kind]).rstrip("/")
        message = FORMS[settings.kind](body)
        match settings.kind:
            case "wecom":
                url = f"{address}?{urlencode({'key': token})}"
            case "dingtalk":
                query = {"access_token": token}
                if secret:
                    moment = str(int(connection.now.timestamp() * 1000))
                    query |= {"timestamp": moment, "sign": dingtalk_sign(moment, secret)}
                url = f"{address}?{urlencode(query)}"
            case _:
                url = f"{address}/{token}"
                if secret:
                    moment = str(int(connection.now.timestamp()))
                    message |= {"timestamp": moment, "sign": feishu_sign(moment, secret)}
        said = connection.http.request("POST", url, json=message, hide=(token, secret)).checked().json()
        said = said if isinstance(said, Mapping) else {}
        code = said.get("errcode", said.get("code", said.get("StatusCode", "")))
        if str(code) == "0":
            return Sent(None, "0")
        text = said.get("errmsg") or said.get("msg") or said.get("StatusMessage")
        raise judged(code, text, throttled=THROTTLED, passing=PASSING, denied=DENIED, hide=(token, secret))

    def health(self, connection: Connection) -> Health:
        """Say whether the address may be spoken to; nothing is told."""
        settings: RobotSettings = connection.settings
        parts = urlsplit(settings.address or ADDRESSES[settings.kind])
        try:
            needed(connection, "token")
            connection.allows(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh, en or zh))
        return Health(True, L("地址与令牌齐备；未发送消息", "Address and token are there; nothing was told"))


def dingtalk_sign(milliseconds: str, secret: str) -> str:
    """Give base64(HMAC-SHA256(key=secret, "time\\nsecret"))."""
    return base64(keyed(f"{milliseconds}\n{secret}", secret))


def feishu_sign(seconds: str, secret: str) -> str:
    """Give base64(HMAC-SHA256(key="time\\nsecret", nothing))."""
    return base64(keyed("", f"{seconds}\n{secret}"))


def _mentions(body: Mapping[str, Any]) -> tuple[list[str], bool]:
    told = body.get("mentions") or []
    return ([], True) if told == "all" else ([str(each) for each in told], False)


def _wecom(body: Mapping[str, Any]) -> dict[str, Any]:
    phones, everyone = _mentions(body)
    if body.get("title"):
        return {"msgtype": "markdown", "markdown": {"content": _cut(f"### {body['title']}\n{body['text']}", 4096)}}
    mentioned = [*phones, *(["@all"] if everyone else [])]
    return {"msgtype": "text", "text": {"content": _cut(body["text"], 2048), "mentioned_mobile_list": mentioned}}


def _dingtalk(body: Mapping[str, Any]) -> dict[str, Any]:
    phones, everyone = _mentions(body)
    at = {"atMobiles": phones, "isAtAll": everyone}
    if body.get("title"):
        # A phone that is not in the text is not called.
        called = "".join(f" @{phone}" for phone in phones)
        text = _cut(f"### {body['title']}\n{body['text']}{called}", 20_000)
        return {"msgtype": "markdown", "markdown": {"title": str(body["title"]), "text": text}, "at": at}
    return {"msgtype": "text", "text": {"content": _cut(body["text"], 20_000)}, "at": at}


def _feishu(body: Mapping[str, Any]) -> dict[str, Any]:
    text = str(body["text"]) + (' <at user_id="all"></at>' if _mentions(body)[1] else "")
    if body.get("title"):
        lines = [[{"tag": "text", "text": _cut(text, 20_000)}]]
        content = {"post": {"zh_cn": {"title": str(body["title"]), "content": lines}}}
        return {"msg_type": "post", "content": content}
    return {"msg_type": "text", "content": {"text": _cut(text, 20_000)}}


def _cut(text: Any, most: int) -> str:
    octets = str(text).encode()
    return str(text) if len(octets) <= most else octets[: most - 3].decode(errors="ignore") + "…"


FORMS = {"wecom": _wecom, "dingtalk": _dingtalk, "feishu": _feishu}
