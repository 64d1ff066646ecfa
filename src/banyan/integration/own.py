"""This installation as a system of its own, for flows that lead from an event or the clock to a command of ours."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from banyan.integration.connecting import Connection, Connector, Health, connector
from banyan.lib.labels import L


class OwnSettings(BaseModel):
    """Nothing to set: what counts is the account that its commands run as."""


@connector
class Own(Connector):
    """Nobody outside: it is neither sent to nor read."""

    key: ClassVar[str] = "own"
    label = L("本系统", "This installation")
    help = L("不连接外部：事件或定时引起的我方命令，以它的执行账号执行",
             "Nobody outside: its account runs commands of ours that events or the clock lead to")  # fmt: skip
    settings = OwnSettings

    def health(self, connection: Connection) -> Health:
        return Health(True, L("就是本系统", "It is this very installation"))
