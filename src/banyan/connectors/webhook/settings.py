"""What an administrator says of a partner that is told, or tells us, by signed webhooks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from banyan.integration.guard import check_text
from banyan.lib.labels import spoken_language


class WebhookSettings(BaseModel):
    """Where to tell, in which form, and what is taken in."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field("", title="通知地址 / Address")
    mode: Literal["structured", "binary", "plain"] = Field("structured", title="CloudEvents")
    source: str = Field("/banyan", title="来源 / Source", max_length=200)
    headers: dict[str, str] = Field({}, title="请求头 / Headers")
    operations: list[str] = Field([], title="收到的事件类型 / Event types taken", max_length=500)
    tolerance: int = Field(300, title="时间容差（秒） / Tolerance, seconds", ge=10, le=3600)
    type_path: str = Field("type", title="类型路径 / Type path")
    key_path: str = Field("", title="顺序键路径 / Ordering key path")
    most_bytes: int = Field(1_000_000, title="正文上限 / Most bytes", ge=1_000, le=20_000_000)

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (fault := check_text(value)) is not None:
            raise ValueError(fault.in_(spoken_language()))
        return value
