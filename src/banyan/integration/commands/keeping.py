"""What is decided of the installation itself: its environment, and the keys under which secrets are sealed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from banyan.integration import environments, secrets
from banyan.kernel.commands import command
from banyan.kernel.context import Context
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Input, Text, field
from banyan.lib.labels import L, Label


class Decided(Input):
    """Why it is done."""

    reason: Annotated[Text, Field(min_length=1, max_length=300)] = field("原因", "Reason")


class Bound(Decided):
    """Which environment, and why."""

    environment: Literal["test", "production"] = field("环境", "Environment", choices=[
        choice(key, label.zh, label.en) for key, label in environments.LABELS.items()
    ])  # fmt: skip


# The files of the data folder are the server's own: who changes them has signed in there.


@command("integration.system.bind_environment", L("设定环境", "Settle the environment"), input=Bound, on="noun",
         rest=False, screen=False)  # fmt: skip
def bind_environment(ctx: Context, data: Bound) -> None:
    """Say from now on which environment this installation is.

    Raises: EnvironmentGiven
    Writes: as `environments.bind`
    """
    environments.bind(data.environment)


@command("integration.secret.rotate", L("更换密钥", "Rotate the key"), input=Decided, on="noun", rest=False,
         screen=False)  # fmt: skip
def rotate_key(ctx: Context, data: Decided) -> Label:
    """Put a new key in front; what is sealed is read by the one before until that is retired.

    Gives:  the name of the new key
    Raises: SecretKeysElsewhere, SecretKeysBusy
    Writes: `secrets-keys`
    """
    return L("新密钥 {key}。", "New key {key}.").filled({"key": secrets.rotate().id})


@command("integration.secret.reseal", L("重新加密", "Seal anew"), input=Decided, on="noun", icon="refresh",
         help=L("用最新的密钥重新加密全部凭据；可重复执行", "All under the newest key; may be repeated"))  # fmt: skip
def reseal_secrets(ctx: Context, data: Decided) -> Label:
    """Seal all that is kept under an older key under the newest.

    Gives:  how many were sealed anew, by keeper
    Raises: SecretUnreadable
    Writes: secrets; the versions of their systems
    """
    counts = ", ".join(f"{holder}: {count}" for holder, count in secrets.reseal().items())
    return L("{counts} 已重新加密。", "{counts} sealed anew.").filled({"counts": counts})


@command("integration.secret.retire", L("停用旧密钥", "Retire the older key"), input=Decided, on="noun", rest=False,
         screen=False)  # fmt: skip
def retire_key(ctx: Context, data: Decided) -> Label:
    """Take the older key away once nothing needs it: never in the transaction that seals anew, which may yet fail.

    Raises: SecretKeysElsewhere, SecretKeysBusy
    Writes: `secrets-keys`
    """
    gone = secrets.retire()
    if not gone:
        return L("没有可停用的密钥。", "Nothing to retire.")
    return L("已停用 {keys}。", "Retired {keys}.").filled({"keys": ", ".join(gone)})
