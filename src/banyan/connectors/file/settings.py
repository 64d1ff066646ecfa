"""What an administrator says of a partner with whom files are exchanged."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from banyan.integration.guard import check_text

Format = Literal["csv", "xlsx", "xml", "fixed", "json", "jsonl", "edi"]


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Column(Part):
    """A field of fixed width; `start` counts from 1, in characters or, as old systems do, in bytes."""

    name: str = Field(min_length=1)
    start: int = Field(ge=1)
    length: int = Field(ge=1, le=10_000)
    align: Literal["left", "right"] = "left"
    fill: str = Field(" ", min_length=1, max_length=1)


class EdiSide(Part):
    """An address of the envelopes."""

    id: str = Field(min_length=1, max_length=35)
    qualifier: str = ""


class FileOperation(Part):
    """One kind of file.

    Takes:  folder: where it lies or goes; pattern: names taken, such as `ORD*.csv`; name: how a file of ours is called;
            each: what one message is: a row, the rows of one `key_column` that follow each other, or the whole file;
            id_column: the partner's own name of a row: one that comes again, by whatever file, is known by it;
            ready: when a file is whole: its size has not changed for `quiet` seconds, `<name>.done` lies beside it, or
            at once (the partner renames); columns: names in their order where there is no heading, or of fixed width
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_.]{0,79}$")
    zh: str = ""
    en: str = ""
    ways: list[Literal["send", "poll"]] = ["poll"]
    folder: str = "in"
    pattern: str = "*"
    name: str = "{type}-{key}-{id}"
    format: Format = "csv"
    encoding: str = ""
    each: Literal["row", "group", "file"] = "row"
    key_column: str = ""
    id_column: str = ""
    ready: Literal["quiet", "done", "at_once"] = "quiet"
    quiet: float = Field(10, ge=0, le=3600)
    archive: str = "archive"
    failed: str = "failed"
    delimiter: str = Field("", max_length=1)
    has_heading: bool = True
    skip_rows: int = Field(0, ge=0, le=1000)
    columns: list[str] = []
    widths: list[Column] = []
    width_unit: Literal["characters", "bytes"] = "characters"
    sheet: str = ""
    record: str = ""
    root: str = "data"
    rows_path: str = ""
    edi: Literal["x12", "edifact"] = "edifact"
    acknowledge: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> FileOperation:
        if self.format == "fixed" and not self.widths:
            raise ValueError("fixed needs widths")
        if self.each == "group" and not self.key_column:
            raise ValueError("group needs key_column")
        if self.id_column and self.each != "row":
            raise ValueError("id_column names rows: each must be row")
        for folder in (self.folder, self.archive, self.failed, self.acknowledge):
            _checked_folder(folder)
        return self


class FileSettings(Part):
    """A partner's folders: below the exchange folder of this machine, on an SFTP server, or in a bucket of an S3 store.

    Takes:  user: who signs in; the access key's id at an S3 store; bucket_in: whether the bucket is named in the path,
            as MinIO and Ceph do, or before the host, as the clouds want it
    """

    place: Literal["local", "sftp", "s3"] = Field("local", title="位置 / Place")
    folder: str = Field("", title="目录 / Folder")
    host: str = Field("", title="主机 / Host")
    port: int = Field(22, title="端口 / Port", ge=1, le=65535)
    user: str = Field("", title="用户 / User")
    host_key: str = Field("", title="主机密钥指纹 / Host key (SHA256:…)")
    address: str = Field("", title="S3 地址 / S3 address (https://…)")
    bucket: str = Field("", title="存储桶 / Bucket", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    region: str = Field("us-east-1", title="区域 / Region", pattern=r"^[a-z0-9-]{1,40}$")
    bucket_in: Literal["path", "host"] = Field("path", title="存储桶写在 / Bucket named in")
    us: EdiSide | None = Field(None, title="我方 EDI 编号 / Our EDI address")
    them: EdiSide | None = Field(None, title="对方 EDI 编号 / Their EDI address")
    is_test: bool = Field(False, title="EDI 测试标志 / EDI test flag")
    most_bytes: int = Field(50_000_000, title="文件上限 / Most bytes", ge=1_000, le=1_000_000_000)
    operations: list[FileOperation] = Field([], title="操作 / Operations")

    @field_validator("folder")
    @classmethod
    def _folder(cls, value: str) -> str:
        return _checked_folder(value)

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (wrong := check_text(value)):
            raise ValueError(wrong.en)
        if "?" in value or "#" in value:
            raise ValueError("an S3 address has no query")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> FileSettings:
        if self.place == "sftp" and not (self.host and self.user and self.host_key.startswith("SHA256:")):
            raise ValueError("sftp needs host, user and host_key (SHA256:…)")
        if self.place == "s3" and not (self.address and self.bucket and self.user):
            raise ValueError("s3 needs address, bucket and user (the access key's id)")
        if self.place == "local" and not self.folder.strip("/"):
            raise ValueError("a local place needs its own folder below the exchange folder")
        keys = [each.key for each in self.operations]
        if len(set(keys)) != len(keys):
            raise ValueError("operations named twice")
        return self


def _checked_folder(value: str) -> str:
    if ".." in value.replace("\\", "/").split("/") or "\0" in value:
        raise ValueError("a folder must not hold ..")
    return value
