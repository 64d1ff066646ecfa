"""What an administrator says of a partner with whom files are exchanged."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from banyan.connectors.rest.settings import WAYS, once
from banyan.integration.guard import check_text
from banyan.kernel.nouns import choice
from banyan.kernel.schema import Wrong, field
from banyan.lib.labels import L

Format = Literal["csv", "xlsx", "xml", "fixed", "json", "jsonl", "edi"]


class Part(BaseModel):
    """Base of the parts: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Column(Part):
    """A field of fixed width; `start` counts from 1, in characters or, as old systems do, in bytes."""

    name: str = field("字段", "Field", min_length=1)
    start: int = field("起始", "Start", ge=1)
    length: int = field("长度", "Length", ge=1, le=10_000)
    align: Literal["left", "right"] = field("对齐", "Aligned", "left")
    fill: str = field("填充", "Filled with", " ", min_length=1, max_length=1)


class EdiSide(Part):
    """An address of the envelopes."""

    id: str = field("编号", "Id", min_length=1, max_length=35)
    qualifier: str = field("编号类型", "Qualifier", "")


class FileOperation(Part):
    """One kind of file.

    Takes:  folder: where it lies or goes; pattern: names taken, such as `ORD*.csv`; name: how a file of ours is called;
            each: what one message is: a row, the rows of one `key_column` that follow each other, or the whole file;
            id_column: the partner's own name of a row: one that comes again, by whatever file, is known by it;
            ready: when a file is whole: its size has not changed for `quiet` seconds, `<name>.done` lies beside it, or
            at once (the partner renames); columns: names in their order where there is no heading, or of fixed width
    """

    key: str = field("代号", "Key", pattern=r"^[a-z][a-z0-9_.]{0,79}$",
                     help=L("小写字母开头，流程按它引用", "Small letters; flows name it"))  # fmt: skip
    zh: str = field("中文名", "Chinese name", "")
    en: str = field("英文名", "English name", "")
    ways: list[Literal["send", "poll"]] = field("用法", "Used to", ["poll"], choices=WAYS)
    folder: str = field("目录", "Folder", "in")
    pattern: str = field("文件名样式", "Names taken", "*", help=L("如 ORD*.csv", "Such as ORD*.csv"))
    name: str = field("写出的文件名", "Our files' name", "{type}-{key}-{id}")
    format: Format = field("格式", "Format", "csv", choices=[
        choice("csv", "CSV", "CSV"), choice("xlsx", "Excel（xlsx）", "Excel (xlsx)"), choice("xml", "XML", "XML"),
        choice("fixed", "定长文本", "Fixed width"), choice("json", "JSON", "JSON"),
        choice("jsonl", "JSON 行", "JSON lines"), choice("edi", "EDI", "EDI")])  # fmt: skip
    encoding: str = field("编码", "Encoding", "",
                        help=L("如 gb18030；空为自动识别", "Such as gb18030; found out when empty"))  # fmt: skip
    each: Literal["row", "group", "file"] = field("一条消息是", "A message is", "row", choices=[
        choice("row", "一行", "A row"), choice("group", "同一键的几行", "Rows of one key"),
        choice("file", "整个文件", "The whole file")])  # fmt: skip
    key_column: str = field("键列", "Key column", "")
    id_column: str = field("编号列", "Id column", "", help=L("对方给每行的编号", "The partner's own name of a row"))
    ready: Literal["quiet", "done", "at_once"] = field("何时算写完", "Whole when", "quiet", choices=[
        choice("quiet", "大小不再变化", "Its size has settled"),
        choice("done", "旁边有 .done 文件", "A .done lies beside it"),
        choice("at_once", "出现即完整", "It appears")])  # fmt: skip
    quiet: float = field("静候", "Quiet for", 10, unit="s", ge=0, le=3600)
    archive: str = field("归档目录", "Archive", "archive")
    failed: str = field("失败目录", "Folder of failed ones", "failed")
    delimiter: str = field("分隔符", "Delimiter", "", max_length=1)
    has_heading: bool = field("首行是标题", "Has a heading", True)
    skip_rows: int = field("跳过行数", "Rows skipped", 0, ge=0, le=1000)
    columns: list[str] = field("列名", "Columns", [],
                        help=L("没有标题时按顺序写", "In their order where there is no heading"))  # fmt: skip
    widths: list[Column] = field("定长字段", "Fields of fixed width", [], help=L(
        '如 [{"name": "no", "start": 1, "length": 10}]',
        'Such as [{"name": "no", "start": 1, "length": 10}]'))  # fmt: skip
    width_unit: Literal["characters", "bytes"] = field("长度按", "Widths in", "characters", choices=[
        choice("characters", "字符", "Characters"), choice("bytes", "字节", "Bytes")])  # fmt: skip
    sheet: str = field("工作表", "Sheet", "")
    record: str = field("记录元素", "Record element", "")
    root: str = field("根元素", "Root element", "data")
    rows_path: str = field("行的路径", "Path of the rows", "")
    edi: Literal["x12", "edifact"] = field("EDI 标准", "EDI standard", "edifact", choices=[
        choice("x12", "ANSI X12", "ANSI X12"), choice("edifact", "EDIFACT", "EDIFACT")])  # fmt: skip
    acknowledge: str = field("回执目录", "Folder for acknowledgements", "")

    @model_validator(mode="after")
    def _is_whole(self) -> FileOperation:
        if self.format == "fixed" and not self.widths:
            raise Wrong("定长文本需要写明字段", "fixed needs widths", "widths")
        if self.each == "group" and not self.key_column:
            raise Wrong("按键分组需要键列", "group needs key_column", "key_column")
        if self.id_column and self.each != "row":
            raise Wrong("编号列用于一行一条消息", "id_column names rows: each must be row", "id_column")
        for folder in (self.folder, self.archive, self.failed, self.acknowledge):
            _checked_folder(folder)
        return self


class FileSettings(Part):
    """A partner's folders: below the exchange folder of this machine, on an SFTP server, or in a bucket of an S3 store.

    Takes:  user: who signs in; the access key's id at an S3 store; bucket_in: whether the bucket is named in the path,
            as MinIO and Ceph do, or before the host, as the clouds want it
    """

    place: Literal["local", "sftp", "s3"] = field("位置", "Place", "local", choices=[
        choice("local", "本机交换目录", "This machine's exchange folder"), choice("sftp", "SFTP 服务器", "SFTP server"),
        choice("s3", "S3 存储", "S3 store")])  # fmt: skip
    folder: str = field("目录", "Folder", "")
    host: str = field("主机", "Host", "", help=L("用于 SFTP", "For SFTP"))
    port: int = field("端口", "Port", 22, ge=1, le=65535)
    user: str = field("用户", "User", "", help=L("S3 为访问密钥的编号", "At an S3 store the access key's id"))
    host_key: str = field("主机密钥指纹", "Host key", "", help=L("SHA256:…", "SHA256:…"))
    address: str = field("S3 地址", "S3 address", "", help=L("https://…", "https://…"))
    bucket: str = field("存储桶", "Bucket", "", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    region: str = field("区域", "Region", "us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    bucket_in: Literal["path", "host"] = field("存储桶写在", "Bucket named in", "path", choices=[
        choice("path", "路径", "The path"), choice("host", "主机名", "The host's name")])  # fmt: skip
    us: EdiSide | None = field("我方 EDI 编号", "Our EDI address", None)
    them: EdiSide | None = field("对方 EDI 编号", "Their EDI address", None)
    is_test: bool = field("EDI 测试标志", "EDI test flag", False)
    most_bytes: int = field("文件上限", "Most bytes", 50_000_000, ge=1_000, le=1_000_000_000)
    operations: list[FileOperation] = field("操作", "Operations", [])

    @field_validator("folder")
    @classmethod
    def _folder(cls, value: str) -> str:
        return _checked_folder(value)

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and (wrong := check_text(value)):
            raise Wrong(wrong.zh, wrong.en)
        if "?" in value or "#" in value:
            raise Wrong("S3 地址不带参数", "an S3 address has no query")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> FileSettings:
        needed = {"sftp": ("host", "user", "host_key"), "s3": ("address", "bucket", "user")}.get(self.place, ())
        for name in needed:
            if not getattr(self, name):
                raise Wrong(f"{self.place} 需要填写", f"{self.place} needs {name}", name)
        if self.place == "sftp" and not self.host_key.startswith("SHA256:"):
            raise Wrong("须为 SHA256:…", "must be SHA256:…", "host_key")
        if self.place == "local" and not self.folder.strip("/"):
            raise Wrong("本机位置须有自己的目录，在交换目录之下",
                        "a local place needs its own folder below the exchange folder", "folder")  # fmt: skip
        once(self.operations)
        return self


def _checked_folder(value: str) -> str:
    if ".." in value.replace("\\", "/").split("/") or "\0" in value:
        raise Wrong("目录不能含有 ..", "a folder must not hold ..")
    return value
