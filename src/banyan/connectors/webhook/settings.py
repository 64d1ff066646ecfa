"""What an administrator says of a partner that is told, or tells us, by signed webhooks."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from banyan.integration.guard import check_text
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Wrong, field
from banyan.lib.labels import L


class WebhookSettings(BaseModel):
    """Where to tell, in which form, and what is taken in."""

    model_config = ConfigDict(extra="forbid")

    address: str = field("通知地址", "Address", "", help=L("只接收时留空", "Empty where it only tells us"))
    mode: Literal["structured", "binary", "plain"] = field("CloudEvents 形式", "CloudEvents", "structured", choices=[
        choice("structured", "结构化", "Structured"), choice("binary", "二进制", "Binary"),
        choice("plain", "只有内容", "The body alone")])  # fmt: skip
    source: str = field("来源", "Source", "/banyan", max_length=200)
    headers: dict[str, str] = field("请求头", "Headers", {}, help=L("每行一个：名称: 值", "One a line: name: value"))
    operations: list[str] = field("收到的事件类型", "Event types taken", [], max_length=500)
    tolerance: int = field("时间容差", "Tolerance", 300, unit="s", ge=10, le=3600)
    type_path: str = field("类型路径", "Type path", "type")
    key_path: str = field("顺序键路径", "Ordering key path", "")
    most_bytes: int = field("正文上限", "Most bytes", 1_000_000, ge=1_000, le=20_000_000)

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (fault := check_text(value)) is not None:
            raise Wrong(fault.zh, fault.en)
        return value
