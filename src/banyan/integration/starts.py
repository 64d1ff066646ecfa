"""What every page says of the installation, and how the settings of a system are filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from banyan.integration import environments
from banyan.integration.connecting import connectors
from banyan.integration.limits import OwnLimits
from banyan.integration.models import Secret
from banyan.kernel.registry import answers
from banyan.lib.labels import L, Label
from banyan.web.shell import Mark, marks


@marks(environments.KEPT)
def environment_of(kept: str | None) -> Mark:
    """Say which environment this is, and what follows from that."""
    found = environments.here(kept)
    if found.environment == "production":
        return Mark("grey", L("正式环境", "Production"), L(
            "正式环境：所连接的是真实的外部系统。",
            "A production installation: the outside systems it calls are the real ones."), is_told=False)  # fmt: skip
    if found.environment == "test":
        return Mark("orange", L("测试", "Test"), L(
            "测试环境：只连接测试的外部系统，不会惊动正式的伙伴。",
            "A test installation: only outside systems for tests are called."))  # fmt: skip
    return Mark("red", L("环境不明", "Unclear"), L(
        "这是哪个环境说法不一（{said}），因此不连接任何外部系统。请管理员在服务器上运行 banyan environment test（副本）"
        "或 production（正式）。",
        "It is not clear which environment this is ({said}), so no outside system is called. The administrator runs "
        "`banyan environment test` (a copy) or `production` on the server.").filled({"said": found.text}))  # fmt: skip


@answers("integration.system.picks")
def connectors_to_pick() -> dict[str, Sequence[tuple[str, str]]]:
    """Give the connectors there are, for the form of a system."""
    return {"connector": [(one.key, str(one.label)) for one in connectors()]}


@answers("integration.system.limits.shape")
def limits_of(values: Mapping[str, Any]) -> tuple[str, type[BaseModel] | None, Label | None]:
    """Give the model of limits of single operations, for the form of a system."""
    return "", OwnLimits, None


@answers("integration.system.settings.shape")
def settings_of(values: Mapping[str, Any]) -> tuple[str, type[BaseModel] | None, Label | None]:
    """Give what the settings depend on, the model of them, and which secrets go with them. One statement at most."""
    found = next((one for one in connectors() if one.key == values.get("connector")), None)
    if found is None:
        return "connector", None, None
    if not found.secrets:
        return "connector", found.settings, None
    kept = Secret.objects.filter(system=values["id"]) if values.get("id") else Secret.objects.none()
    known = set(kept.values_list("name", flat=True))
    facts = {"unset": ", ".join(name for name in found.secrets if name not in known) or "—"}
    note = L("密钥不写在这里：保存后用“填写密钥”加密保存。还没有填：{unset}",
             "No secret stands here: once it is saved, “Set a secret” seals them. Not yet set: {unset}")
    if known:
        facts["set"] = ", ".join(name for name in found.secrets if name in known)
        note = L("{note}；已填：{set}", "{note}; set: {set}").filled({"note": note, **facts})
    return "connector", found.settings, note.filled(facts)
