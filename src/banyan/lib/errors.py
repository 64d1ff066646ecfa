"""What can go wrong, in words: a stable code, a text in both languages, the facts as data, the way out.

A module declares its refusals as classes:

    class NotEnoughStock(Conflict):
        code = "inventory.not_enough_stock"
        zh = "{item} 可用 {free}，缺 {missing}"
        en = "{item}: {free} available, {missing} missing"
        way_out_zh = "减少数量，或先收货"
        way_out_en = "Reduce the quantity or receive goods first"

    raise NotEnoughStock(item="A-100", free=Decimal("3"), missing=Decimal("2"))

Source: RFC 9457 for the form on the wire.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

from banyan.lib.labels import L, Label, plain, slots_of, spoken_language

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")

FieldFault = Label | list[Label]


def _checked_code(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise TypeError(f"{code!r} is not a code: small letters, digits and _, parts joined by dots")
    return code


class DomainError(Exception):
    """A refusal that a person can understand and a program can act on.

    Takes:  code, text and data by position, for a refusal too rare to have a class of its own;
            else facts by name, which fill the class's templates and become data;
            fields: faults by path ("lines.3.quantity"), one label or several
    """

    status: ClassVar[int] = 400
    title: ClassVar[Label] = L("无法执行", "Not possible")
    code: str = "refused"
    zh: ClassVar[str] = "该操作被拒绝"
    en: ClassVar[str] = "The request was refused"
    way_out_zh: ClassVar[str] = ""
    way_out_en: ClassVar[str] = ""

    def __init__(
        self,
        code: str | None = None,
        text: Label | str | None = None,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        fields: Mapping[str, FieldFault] | None = None,
        way_out: Label | None = None,
        **facts: Any,
    ) -> None:
        self.code = _checked_code(code or self.code)
        self.facts: dict[str, Any] = {**(data or {}), **facts}
        self.data: dict[str, Any] = jsonable(self.facts)
        self.label = _label(text or L(self.zh, self.en)).filled(self.facts)
        self.fields: dict[str, FieldFault] = dict(fields or {})
        self.way_out = self._way_out(way_out)
        super().__init__(self.code)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a class whose code is malformed or whose two languages name different facts."""
        super().__init_subclass__(**kwargs)
        _checked_code(cls.code)
        for zh, en in ((cls.zh, cls.en), (cls.way_out_zh, cls.way_out_en)):
            if bool(zh) != bool(en) or slots_of(zh) != slots_of(en):
                raise TypeError(f"{cls.__name__}: zh and en must name the same facts: {zh!r}, {en!r}")

    def _way_out(self, given: Label | None) -> Label | None:
        if given is None and not self.way_out_zh:
            return None
        return (given or L(self.way_out_zh, self.way_out_en)).filled(self.facts)

    def text(self, language: str | None = None) -> str:
        """Give the refusal in one sentence; in the language now spoken when none is named."""
        return self.label.in_(language or spoken_language())

    def field_texts(self, language: str | None = None) -> dict[str, list[str]]:
        """Give the faults by path, each a list of sentences, in the order they were found."""
        chosen = language or spoken_language()
        return {path: [each.in_(chosen) for each in _several(fault)] for path, fault in self.fields.items()}

    def as_problem(self, language: str | None = None, instance: str | None = None) -> dict[str, Any]:
        """Give the body of an application/problem+json answer.

        Takes:  instance: a reference to this occurrence, such as the request's path or incident number
        Gives:  type, title, status, detail, code, data; instance, way_out and errors where there are any
        """
        chosen = language or spoken_language()
        problem: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title.in_(chosen),
            "status": self.status,
            "detail": self.text(chosen),
            "code": self.code,
            "data": self.data,
        }
        if instance:
            problem["instance"] = instance
        if self.way_out:
            problem["way_out"] = self.way_out.in_(chosen)
        if self.fields:
            problem["errors"] = [
                {"path": path, "pointer": _pointer(path), "detail": text}
                for path, texts in self.field_texts(chosen).items()
                for text in texts
            ]
        return problem

    def __str__(self) -> str:
        return self.text()


class Invalid(DomainError):
    """The input itself cannot be right, whoever sends it and whenever."""

    status = 422
    title = L("填写有误", "Invalid input")
    code = "invalid"
    zh = "填写有误，请检查标出的字段"
    en = "Some input is not valid; see the marked fields"


class NotAuthenticated(DomainError):
    status = 401
    title = L("未登录", "Not signed in")
    code = "not_authenticated"
    zh = "请先登录"
    en = "Please sign in first"


class NotAllowed(DomainError):
    status = 403
    title = L("没有权限", "Not allowed")
    code = "not_allowed"
    zh = "您没有执行此操作的权限"
    en = "You do not have the right to do this"


class NotFound(DomainError):
    """It does not exist, or lies outside the asker's scope: the two are not told apart."""

    status = 404
    title = L("找不到", "Not found")
    code = "not_found"
    zh = "找不到该记录"
    en = "No such record"


class Conflict(DomainError):
    """Right in itself, but not in the present state of things."""

    status = 409
    title = L("与现状冲突", "Conflict")
    code = "conflict"
    zh = "当前状态下不能执行此操作"
    en = "This cannot be done in the present state"


class NeedsConfirmation(DomainError):
    """Possible, but only with consent: asked once, sent again with the consent named by the code."""

    status = 409
    title = L("需要确认", "Confirmation needed")
    code = "needs_confirmation"
    zh = "请确认后继续"
    en = "Please confirm to go on"


class Stale(DomainError):
    status = 412
    title = L("数据已更新", "Changed meanwhile")
    code = "stale"
    zh = "该记录已被他人修改"
    en = "Someone else has changed this record"
    way_out_zh = "刷新后查看新的内容，再提交您的修改"
    way_out_en = "Reload to see what is new, then send your change again"


class TooLarge(DomainError):
    status = 413
    title = L("内容过大", "Too large")
    code = "too_large"
    zh = "提交的内容过大"
    en = "What was sent is too large"


class UnsupportedMedia(DomainError):
    status = 415
    title = L("格式不支持", "Unsupported format")
    code = "unsupported_media"
    zh = "不支持这种格式"
    en = "This format is not supported"


class PreconditionRequired(DomainError):
    status = 428
    title = L("缺少版本", "Version needed")
    code = "precondition_required"
    zh = "请求须注明所依据的版本"
    en = "The request must name the version it is based on"
    way_out_zh = "先读取记录，再用它的 ETag 作为 If-Match 提交"
    way_out_en = "Read the record first and send its ETag as If-Match"


class TooMany(DomainError):
    status = 429
    title = L("请求过多", "Too many requests")
    code = "too_many"
    zh = "请求过于频繁，请稍后再试"
    en = "Too many requests; please try again later"


class FieldFaults:
    """Collect faults by path while checking, and refuse once with all of them.

    faults = FieldFaults()
    faults.add("lines.3.quantity", L("须大于零", "must be above zero"))
    faults.refuse_if_any()
    """

    def __init__(self) -> None:
        self.found: dict[str, FieldFault] = {}

    def add(self, path: str | Iterable[str | int], fault: Label) -> None:
        """Note a fault at a path, given dotted or in parts (`("lines", 3, "quantity")`)."""
        dotted = path if isinstance(path, str) else ".".join(str(part) for part in path)
        self.found[dotted] = [*_several(self.found.get(dotted, [])), fault]

    def refuse_if_any(self, family: type[DomainError] = Invalid) -> None:
        """Raise the family, Invalid unless told, with every fault noted so far; else do nothing."""
        if self.found:
            raise family(fields=self.found)

    def __bool__(self) -> bool:
        return bool(self.found)


def jsonable(value: Any) -> Any:
    """Give a fact as JSON can carry it: decimals, keys and dates as text, labels as {zh, en}."""
    usual = _USUAL.get(type(value))
    if usual is not None:
        return usual(value)
    if value is None or isinstance(value, (str, bool, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclass_fields(value)}
    return str(value)


#: How the kinds of which most facts are come out, found by one look.
_USUAL: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((type(None), str, bool, int), lambda value: value), Decimal: plain, UUID: str,
    datetime: datetime.isoformat, date: date.isoformat,
}  # fmt: skip


def _label(text: Label | str) -> Label:
    return text if isinstance(text, Label) else L(text, text)


def _several(fault: FieldFault) -> list[Label]:
    return [fault] if isinstance(fault, Label) else fault


def _pointer(path: str) -> str:
    """Give the path as a JSON pointer in a URI fragment (RFC 6901)."""
    return "#/" + path.replace("~", "~0").replace("/", "~1").replace(".", "/")
