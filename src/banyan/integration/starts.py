"""What every page says of the installation: test, production, or that nobody knows."""

from __future__ import annotations

from banyan.integration import environments
from banyan.lib.labels import L
from banyan.web.shell import Mark, marks


@marks(environments.KEPT)
def environment_of(kept: str | None) -> Mark:
    """Say which environment this is, and what follows from that."""
    found = environments.here(kept)
    if found.environment == "production":
        return Mark("grey", L("正式环境", "Production"), L("", ""), is_told=False)
    if found.environment == "test":
        return Mark("orange", L("测试", "Test"), L(
            "测试环境：只连接测试的外部系统，不会惊动正式的伙伴。",
            "A test installation: only outside systems for tests are called."))  # fmt: skip
    return Mark("red", L("环境不明", "Unclear"), L(
        "这是哪个环境说法不一（{said}），因此不连接任何外部系统。请管理员在服务器上运行 banyan environment test（副本）"
        "或 production（正式）。",
        "It is not clear which environment this is ({said}), so no outside system is called. The administrator runs "
        "`banyan environment test` (a copy) or `production` on the server.").filled({"said": found.text}))  # fmt: skip
