"""One message to single persons, by the account each has there: an own application of WeCom, DingTalk or Feishu."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import uuid5

from pydantic import BaseModel, ConfigDict, model_validator

from banyan.connectors.platform import compact, judged, needed, whole
from banyan.integration.connecting import Connection, Connector, Failed, Health, Operation, Outgoing, Sent, connector
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Wrong, field
from banyan.lib.labels import L


class PeopleSettings(BaseModel):
    """Which program, and the application of ours that speaks there."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["wecom", "dingtalk", "feishu"] = field("软件", "Program", choices=[
        choice("wecom", "企业微信", "WeCom"), choice("dingtalk", "钉钉", "DingTalk"),
        choice("feishu", "飞书", "Feishu")])  # fmt: skip
    app_key: str = field("应用标识", "Application", min_length=1, help=L(
        "企业微信：企业 ID（corpid）；钉钉：AppKey；飞书：App ID",
        "WeCom: corpid; DingTalk: AppKey; Feishu: App ID"))  # fmt: skip
    agent: str = field("应用编号（AgentId）", "Agent id", "", pattern=r"^\d{0,18}$", help=L(
        "企业微信与钉钉须填", "Needed for WeCom and DingTalk"))  # fmt: skip
    address: str = field("地址", "Address", "", pattern=r"^(https?://.*)?$",
                         help=L("空为官方地址", "The program's own when empty"))  # fmt: skip

    @model_validator(mode="after")
    def _agent(self) -> PeopleSettings:
        if self.kind != "feishu" and not self.agent:
            raise Wrong("企业微信与钉钉须填应用编号", "WeCom and DingTalk need the agent id", "agent")
        return self


ADDRESSES = {
    "wecom": "https://qyapi.weixin.qq.com", "dingtalk": "https://oapi.dingtalk.com", "feishu": "https://open.feishu.cn",
}  # fmt: skip
#: So many accounts go in one call; what a text may hold, in octets.
MOST = {"wecom": 1000, "dingtalk": 100, "feishu": 1}
LONGEST = {"wecom": 2048, "dingtalk": 2000, "feishu": 100_000}
#: A token that is over or unknown: one is asked for anew, once.
STALE = frozenset({"40014", "42001", "99991663", "99991661", "99991668"})
THROTTLED = frozenset({"45009", "45033", "90018", "90002", "99991400", "230020", "11232"})
PASSING = frozenset({"-1"})
#: Application, secret, right, address of ours, or that the application may not speak to that person.
DENIED = STALE | frozenset({
    "40001", "40013", "40056", "40089", "41002", "48002", "60011", "60020", "81013", "88", "10003", "10014", "99991672",
    "230006", "230013", "230027",
})  # fmt: skip


@connector
class People(Connector):
    """An application's messages to persons at WeCom, DingTalk or Feishu."""

    key = "people"
    label = L("应用消息（企业微信、钉钉、飞书）", "App messages (WeCom, DingTalk, Feishu)")
    help = L("把提醒发给本人；账号取自用户的主键对照", "Tells single persons; their accounts are key links of users")
    settings = PeopleSettings
    secrets = ("app_secret",)
    tells = "tell"
    tells_each = True

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}
        self._gate = threading.Lock()

    def describe(self, connection: Connection) -> Sequence[Operation]:
        """Give the one thing it can: `tell`."""
        sample = {"to": ["zhangsan"], "title": "缺料", "text": "工单 WO-17 缺 M8 螺栓 40 件"}
        return (Operation(self.tells, L("发给本人", "Tell persons"), frozenset({"send"}), samples=(sample,)),)

    def send(self, connection: Connection, out: Outgoing) -> Sent:
        """Tell persons.

        Takes:  body: {"to": accounts there, "text", "title"?: with one it becomes Markdown or a post}
        Raises: Failed: refused, naming whom it does not know, when all others have been told
        """
        if out.operation != self.tells:
            raise Failed("refused", f"people have no {out.operation}")
        body = out.body if isinstance(out.body, Mapping) else {}
        given = body.get("to")
        accounts = list(dict.fromkeys(str(one) for one in given if one)) if isinstance(given, list) else []
        if not accounts or not str(body.get("text") or "").strip():
            raise Failed("validation", L("缺少 to 或 text", "to or text is missing"))
        if any(one.lower() == "@all" or "|" in one or "," in one for one in accounts):
            raise Failed("validation", L("to 须为单个账号的列表", "to must be a list of single accounts"))
        kind = connection.settings.kind
        lost: list[str] = []
        for start in range(0, len(accounts), MOST[kind]):
            lost += self._tell(connection, out, accounts[start : start + MOST[kind]], body)
        if lost:
            raise Failed("refused", L("没有这些账号：{lost}", "there are no such accounts: {lost}").filled(
                {"lost": ", ".join(lost)[:300]}))  # fmt: skip
        return Sent(None, "0")

    def health(self, connection: Connection) -> Health:
        """Ask for a token, which proves address, application and secret; nobody is told."""
        try:
            self._token(connection, anew=True)
        except Failed as fault:
            zh, _, en = fault.text.partition("\n")
            return Health(False, L(zh, en or zh))
        return Health(True, L("应用可用；未发送消息", "The application is known; nobody was told"))

    def _tell(
        self, connection: Connection, out: Outgoing, accounts: Sequence[str], body: Mapping[str, Any]
    ) -> list[str]:
        """Tell some in one call; give those who are not known there."""
        settings: PeopleSettings = connection.settings
        message = MESSAGES[settings.kind](settings, out, accounts, body)
        said = self._ask(connection, message)
        found = said.get("invaliduser")
        return [one for one in str(found).split("|") if one] if found else []

    def _ask(self, connection: Connection, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make the call; once more with a new token where the kept one is refused. Raises: Failed."""
        settings: PeopleSettings = connection.settings
        address = (settings.address or ADDRESSES[settings.kind]).rstrip("/")
        for is_last in (False, True):
            token = self._token(connection, anew=is_last)
            query, headers = {"access_token": token}, {}
            if settings.kind == "feishu":
                query, headers = {"receive_id_type": "open_id"}, {"Authorization": f"Bearer {token}"}
            answer = connection.http.request(
                "POST", f"{address}{PATHS[settings.kind]}", query=query, headers=headers, json=message, hide=(token,)
            )
            said, code = _read(answer)
            if code == "0":
                return said
            if not is_last and code in STALE:
                continue
            raise _fault(said, code, hide=(token,))
        raise AssertionError

    def _token(self, connection: Connection, *, anew: bool) -> str:
        settings: PeopleSettings = connection.settings
        secret = needed(connection, "app_secret")
        address = (settings.address or ADDRESSES[settings.kind]).rstrip("/")
        key = (connection.system, connection.environment, settings.kind, address, settings.app_key, secret)
        now = connection.now.timestamp()
        with self._gate:
            kept = self._tokens.get(key)
            if kept and kept[1] > now and not anew:
                return kept[0]
            match settings.kind:
                case "wecom":
                    asked: dict[str, Any] = {"query": {"corpid": settings.app_key, "corpsecret": secret}}
                    method, path = "GET", "/cgi-bin/gettoken"
                case "dingtalk":
                    asked = {"query": {"appkey": settings.app_key, "appsecret": secret}}
                    method, path = "GET", "/gettoken"
                case _:
                    asked = {"json": {"app_id": settings.app_key, "app_secret": secret}}
                    method, path = "POST", "/open-apis/auth/v3/tenant_access_token/internal"
            said, code = _read(connection.http.request(method, f"{address}{path}", hide=(secret,), **asked))
            token = said.get("tenant_access_token" if settings.kind == "feishu" else "access_token")
            if code != "0" or not token:
                raise _fault(said, code, hide=(secret,))
            lasts = float(said.get("expire") or said.get("expires_in") or 7200)
            self._tokens[key] = (str(token), now + max(lasts - 300, 30))
            return str(token)


def _read(answer: Any) -> tuple[Mapping[str, Any], str]:
    """Give what is said and its code; Feishu's faults have a status of 400 besides, DingTalk's 88 a code below it.

    Raises: Failed
    """
    said: Any = None
    try:
        said = answer.json()
    except Failed:
        pass
    if not isinstance(said, Mapping) or not {"errcode", "code"} & set(said):
        answer.checked()
        raise Failed("refused", L("对方所答没有结果码", "The answer bears no code"))
    code = str(said.get("errcode", said.get("code")))
    return said, str(said.get("sub_code") or code) if code == "88" else code


def _fault(said: Mapping[str, Any], code: str, hide: Sequence[str]) -> Failed:
    text = said.get("sub_msg") or said.get("errmsg") or said.get("msg")
    return judged(code, text, throttled=THROTTLED, passing=PASSING, denied=DENIED, hide=hide)


def _wecom(settings: PeopleSettings, out: Outgoing, accounts: Sequence[str], body: Mapping[str, Any]) -> dict[str, Any]:
    head = {"touser": "|".join(accounts), "agentid": whole(settings.agent)}
    once = {"enable_duplicate_check": 1, "duplicate_check_interval": 14400}
    if body.get("title"):
        text = _cut(f"### {body['title']}\n{body['text']}", "wecom")
        return {**head, "msgtype": "markdown", "markdown": {"content": text}, **once}
    return {**head, "msgtype": "text", "text": {"content": _cut(body["text"], "wecom")}, **once}


def _dingtalk(
    settings: PeopleSettings, out: Outgoing, accounts: Sequence[str], body: Mapping[str, Any]
) -> dict[str, Any]:
    message: dict[str, Any] = {"msgtype": "text", "text": {"content": _cut(body["text"], "dingtalk")}}
    if body.get("title"):
        text = _cut(f"### {body['title']}\n{body['text']}", "dingtalk")
        message = {"msgtype": "markdown", "markdown": {"title": str(body["title"])[:60], "text": text}}
    return {"agent_id": whole(settings.agent), "userid_list": ",".join(accounts), "msg": message}


def _feishu(
    settings: PeopleSettings, out: Outgoing, accounts: Sequence[str], body: Mapping[str, Any]
) -> dict[str, Any]:
    text = _cut(body["text"], "feishu")
    kind, content = "text", {"text": text}
    if body.get("title"):
        kind = "post"
        content = {"zh_cn": {"title": str(body["title"]), "content": [[{"tag": "text", "text": text}]]}}
    (account,) = accounts
    return {"receive_id": account, "msg_type": kind, "content": compact(content), "uuid": str(uuid5(out.id, account))}


def _cut(text: Any, kind: str) -> str:
    octets = str(text).encode()
    return str(text) if len(octets) <= LONGEST[kind] else octets[: LONGEST[kind] - 3].decode(errors="ignore") + "…"


MESSAGES = {"wecom": _wecom, "dingtalk": _dingtalk, "feishu": _feishu}
PATHS = {
    "wecom": "/cgi-bin/message/send", "dingtalk": "/topapi/message/corpconversation/asyncsend_v2",
    "feishu": "/open-apis/im/v1/messages",
}  # fmt: skip
