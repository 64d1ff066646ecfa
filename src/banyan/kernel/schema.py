"""Typed input: from a spec or a Pydantic model to checked values, and from faults to words.

One table says how each field type is typed, checked and shown; REST, dialogs and imports all use it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from banyan.kernel.spec import FieldSpec, LineSpec, NounSpec
from banyan.lib.errors import Conflict, DomainError, FieldFaults, Invalid
from banyan.lib.labels import L, Label

NUL = "\x00"
_EARLIEST, _LATEST = date(1900, 1, 1), date(9999, 12, 31)


class Input(BaseModel):
    """Base of every command's input: unknown fields are refused, text is stripped of edges."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=False)


class Wrong(ValueError):
    """What a validator of an input raises: in both languages, at a field of the model where it names one."""

    def __init__(self, zh: str, en: str, field: str = "") -> None:
        super().__init__(en)
        self.label, self.field = L(zh, en), field


def field(zh: str, en: str, default: Any = ..., *, help: Label | None = None, reference: str | None = None,
          only: str | None = None, unit: str | None = None, choices: Sequence[Any] = (), when: str = "",
          is_file: bool = False, picked: str = "", **more: Any) -> Any:
    """Give a Pydantic field with its label pair; `reference` names the noun an id refers to.

    `only` names a yes-or-no field of that noun which a record to choose must meet.
    `when` names another field: a dialog shows this one only while that one has something in it. `is_file` says
    that it takes the digest of a stored file. `picked` names a list (the port NAME.options) from which a person picks
    the texts of a list; others may be typed.
    """
    extra = {
        "label": {"zh": zh, "en": en},
        **({"help": {"zh": help.zh, "en": help.en}} if help else {}),
        **({"reference": reference} if reference else {}),
        **({"only": only} if only else {}),
        **({"unit": unit} if unit else {}),
        **({"when": when} if when else {}),
        **({"is_file": True} if is_file else {}),
        **({"picked": picked} if picked else {}),
        **({"choices": [{"key": c.key, "zh": c.label.zh, "en": c.label.en} for c in choices]} if choices else {}),
    }
    return Field(default, title=en, json_schema_extra={"x-banyan": extra}, **more)


def _clean_text(value: Any) -> Any:
    if isinstance(value, str):
        if NUL in value:
            raise ValueError("nul")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("surrogate") from None
    return value


def _strict_decimal(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("number")
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?(\d{1,15}(\.\d{0,12})?|\.\d{1,12})\s*", value, re.ASCII):
        raise ValueError("number")
    return value


def _strict_date(value: Any) -> Any:
    if isinstance(value, (int, float)):
        raise ValueError("date")
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        raise ValueError("date")
    return value


def _strict_instant(value: Any) -> Any:
    if isinstance(value, (int, float)):
        raise ValueError("instant")
    return value


def _with_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("zone")
    try:
        found = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("year") from None
    if not _EARLIEST.year <= found.year <= _LATEST.year:
        raise ValueError("year")
    return found


def _strict_time(value: Any) -> Any:
    if isinstance(value, (int, float)):
        raise ValueError("time")
    return value


def _without_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("time")
    return value


Text = Annotated[str, BeforeValidator(_clean_text)]
Number = Annotated[Decimal, BeforeValidator(_strict_decimal)]
Quantity = Annotated[Decimal, BeforeValidator(_strict_decimal), Field(max_digits=20, decimal_places=6)]
Money = Annotated[Decimal, BeforeValidator(_strict_decimal), Field(max_digits=20, decimal_places=2)]
Day = Annotated[date, BeforeValidator(_strict_date), Field(ge=_EARLIEST, le=_LATEST)]
Instant = Annotated[datetime, BeforeValidator(_strict_instant), AfterValidator(_with_zone)]
Clock = Annotated[time, BeforeValidator(_strict_time), AfterValidator(_without_zone)]


def type_of(spec: FieldSpec) -> Any:
    """Give the Python type, with its limits, that a field's value must have."""
    if spec.type in ("decimal", "quantity", "money", "percent"):
        limits: dict[str, Any] = {"max_digits": spec.digits, "decimal_places": spec.places}
        if spec.minimum is not None:
            limits["ge"] = spec.minimum
        if spec.maximum is not None:
            limits["le"] = spec.maximum
        return Annotated[Decimal, BeforeValidator(_strict_decimal), Field(**limits)]
    if spec.type == "integer":
        low = int(spec.minimum) if spec.minimum is not None else -(2**31)
        high = int(spec.maximum) if spec.maximum is not None else 2**31 - 1
        return Annotated[int, Field(strict=True, ge=low, le=high)]
    if spec.type == "choice":
        allowed = tuple(c.key for c in spec.choices)
        return Annotated[str, Field(json_schema_extra={"enum": list(allowed)}), BeforeValidator(_one_of(allowed))]
    if spec.type in ("text", "long_text"):
        most = spec.max_length or (255 if spec.type == "text" else 20_000)
        return Annotated[Text, Field(min_length=1 if spec.required else 0, max_length=most)]
    if spec.type == "tags" and spec.reference:
        return Annotated[list[UUID], Field(max_length=200)]
    return {
        "boolean": Annotated[bool, Field(strict=True)], "date": Day, "instant": Instant, "time": Clock,
        "reference": UUID, "file": Annotated[str, Field(pattern="^[0-9a-f]{64}$")], "json": Any,
        "tags": Annotated[list[Annotated[Text, Field(max_length=255)]], Field(max_length=200)],
    }[spec.type]


def _one_of(allowed: Sequence[str]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError("choice:" + ", ".join(allowed))
        return value

    return check


def _model_fields(specs: Sequence[FieldSpec], *, partial: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for spec in specs:
        if spec.readonly:
            continue
        kind = type_of(spec)
        optional = spec.nullable
        extra = {"x-banyan": {"label": {"zh": spec.label.zh, "en": spec.label.en},
                              **({"reference": spec.reference} if spec.reference else {})}}
        default: Any = ...
        if partial or not spec.required:
            default = None
        made[spec.key] = (
            kind | None if optional else kind,
            Field(default, title=spec.label.en, json_schema_extra=extra),
        )
    return made


def _line_model(noun: NounSpec, line: LineSpec) -> type[BaseModel]:
    fields = _model_fields(line.fields, partial=False)
    fields["id"] = (UUID | None, Field(None))
    return create_model(f"{_camel(noun.key)}{_camel(line.key)}Line", __base__=Input, **fields)


#: By the identity of a spec, which is held beside the model: another spec could else come to lie in its place.
_models: dict[tuple[int, bool], tuple[NounSpec, type[BaseModel]]] = {}


def input_of(noun: NounSpec, *, partial: bool = False) -> type[BaseModel]:
    """Give the input model of a noun's create, or with `partial` of its change; lines replace the old ones.

    Gives:  unset fields stay unset (`model_fields_set` tells); a line with an id changes the line of that id
    """
    key = (id(noun), partial)
    if key not in _models:
        fields = _model_fields(noun.fields, partial=partial)
        for line in noun.lines:
            kind = Annotated[list[_line_model(noun, line)], Field(max_length=5_000)]
            required = line.required and not partial
            fields[line.key] = (kind, Field(..., min_length=1)) if required else (
                kind, Field(default_factory=list, title=line.label.en))
        if not partial:
            fields["id"] = (UUID | None, Field(None, title="Key made by the client"))
        name = f"{_camel(noun.key)}{'Change' if partial else 'Create'}"
        _models[key] = noun, create_model(name, __base__=Input, **fields)
    return _models[key][1]


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in re.split(r"[._]", key))


def parse(model: type[BaseModel], data: Any) -> BaseModel:
    """Check data against a model.

    Raises: Invalid with a fault per path, in both languages
    """
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        raise refusal_of_input(fault, model) from None
    except RecursionError:
        raise Invalid("too_deep", L("内容嵌套过深", "The content is nested too deeply")) from None


def refusal_of_input(fault: ValidationError, model: type[BaseModel]) -> Invalid:
    faults = FieldFaults()
    for error in fault.errors(include_url=False, include_context=True, include_input=False)[:200]:
        path = [p for p in error["loc"] if not (isinstance(p, str) and p.startswith(("function-", "constrained")))]
        raised = error.get("ctx", {}).get("error")
        if isinstance(raised, Wrong):
            path += [raised.field] if raised.field else []
            faults.add(path or ["__root__"], raised.label)
        else:
            faults.add(path or ["__root__"], _words(error))
    return Invalid(fields=faults.found)


_PLAIN: dict[str, tuple[str, str]] = {
    "missing": ("必填", "is required"),
    "extra_forbidden": ("没有这个字段，或不可填写", "is not a field that can be written"),
    "uuid_parsing": ("不是有效的标识", "is not a valid key"),
    "uuid_type": ("不是有效的标识", "is not a valid key"),
    "bool_type": ("须为 true 或 false", "must be true or false"),
    "bool_parsing": ("须为 true 或 false", "must be true or false"),
    "int_type": ("须为整数", "must be a whole number"),
    "int_parsing": ("须为整数", "must be a whole number"),
    "string_type": ("须为文本", "must be text"),
    "list_type": ("须为列表", "must be a list"),
    "decimal_parsing": ("须为数字", "must be a number"),
    "decimal_type": ("须为数字", "must be a number"),
    "finite_number": ("须为有限的数字", "must be a finite number"),
    "date_from_datetime_parsing": ("须为日期，如 2026-11-22", "must be a date such as 2026-11-22"),
    "date_parsing": ("须为日期，如 2026-11-22", "must be a date such as 2026-11-22"),
    "date_type": ("须为日期，如 2026-11-22", "must be a date such as 2026-11-22"),
    "time_parsing": ("须为时间，如 08:30", "must be a time such as 08:30"),
    "time_type": ("须为时间，如 08:30", "must be a time such as 08:30"),
    "datetime_parsing": ("须为带时区的时刻，如 2026-11-22T08:30:00+08:00", "must be an instant with zone"),
    "datetime_from_date_parsing": ("须为带时区的时刻，如 2026-11-22T08:30:00+08:00", "must be an instant with zone"),
    "datetime_type": ("须为带时区的时刻，如 2026-11-22T08:30:00+08:00", "must be an instant with zone"),
    "int_from_float": ("须为整数", "must be a whole number"),
    "int_parsing_size": ("数字过大", "is too large a number"),
    "string_pattern_mismatch": ("格式不对", "does not have the right form"),
    "string_unicode": ("含有不完整的字符", "contains broken characters"),
    "dict_type": ("须为对象", "must be an object"),
    "model_type": ("须为对象", "must be an object"),
    "model_attributes_type": ("须为对象", "must be an object"),
    "none_required": ("须为空", "must be empty"),
}
_VALUE: dict[str, tuple[str, str]] = {
    "number": ("须为数字，整数最多 14 位", "must be a number of at most 14 whole digits"),
    "date": ("须为日期，如 2026-11-22", "must be a date such as 2026-11-22"),
    "instant": ("须为带时区的时刻，如 2026-11-22T08:30:00+08:00", "must be an instant with zone"),
    "time": ("须为不带时区的时间，如 08:30", "must be a time without zone, such as 08:30"),
    "zone": ("时刻须带时区，如 2026-11-22T08:30:00+08:00", "must be an instant with zone"),
    "year": ("年份须在 1900 到 9999 之间", "must lie between the years 1900 and 9999"),
    "nul": ("不能含有空字符（NUL）", "must not contain NUL characters"),
    "surrogate": ("含有不完整的字符", "contains broken characters"),
}


def _words(error: Mapping[str, Any]) -> Label:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("too_long", "too_short") and context.get("field_type") == "Value":
        kind = f"string_{kind}"
    if kind in _PLAIN:
        return L(*_PLAIN[kind])
    if kind == "value_error":
        text = str(context.get("error", ""))
        if text.startswith("choice:"):
            return L(f"须为以下之一：{text[7:]}", f"must be one of {text[7:]}")
        if text in _VALUE:
            return L(*_VALUE[text])
    limits = {
        "string_too_long": ("最多 {max_length} 个字符", "at most {max_length} characters"),
        "string_too_short": ("不能为空", "must not be empty") if context.get("min_length") == 1
        else ("至少 {min_length} 个字符", "at least {min_length} characters"),
        "too_long": ("最多 {max_length} 行", "at most {max_length} rows"),
        "too_short": ("至少 {min_length} 行", "at least {min_length} rows"),
        "literal_error": ("须为以下之一：{expected}", "must be one of {expected}"),
        "enum": ("须为以下之一：{expected}", "must be one of {expected}"),
        "greater_than": ("须大于 {gt}", "must be above {gt}"),
        "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
        "less_than": ("须小于 {lt}", "must be below {lt}"),
        "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
        "decimal_max_digits": ("最多 {max_digits} 位数字", "at most {max_digits} digits"),
        "decimal_max_places": ("最多 {decimal_places} 位小数", "at most {decimal_places} decimal places"),
        "decimal_whole_digits": ("整数部分最多 {whole_digits} 位", "at most {whole_digits} whole digits"),
    }
    if kind in limits:
        return L(*limits[kind]).filled(context)
    return L("填写有误", "is not valid")


def dump(data: Any) -> Any:
    """Give an input as JSON data, only what was set; secrets are masked by their type."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json", exclude_unset=True)
    if isinstance(data, (list, tuple)):
        return [dump(d) for d in data]
    return data


_CONSTRAINTS: dict[str, DomainError] = {}


def explain_constraint(name: str, refusal: DomainError) -> None:
    """Say in words what a database constraint guards, for the rare case that it is the first to see the fault."""
    _CONSTRAINTS[name] = refusal


def refusal_of(fault: Exception) -> DomainError:
    """Give the refusal for what the database refused: a constraint by its words, else by its kind."""
    cause = fault.__cause__
    diag = getattr(cause, "diag", None)
    name = (diag.constraint_name or "") if diag else ""
    if name in _CONSTRAINTS:
        return _CONSTRAINTS[name]
    state = getattr(cause, "sqlstate", "") or ""
    facts = {"constraint": name, "table": (diag.table_name or "") if diag else ""}
    if state == "23505":
        return Conflict("already_exists", L("已存在相同的记录（{constraint}）",
                                            "Such a record exists already ({constraint})"), facts)
    if state == "23503":
        return Conflict("still_referenced",
                        L("所引用的记录不存在，或该记录仍被引用（{constraint}）",
                          "A referenced record is missing, or this one is still in use ({constraint})"), facts)
    if state == "23514":
        return Conflict("constraint_refused", L("违反了数据约束 {constraint}",
                                                "The database constraint {constraint} refused it"), facts)
    if state.startswith("22"):
        return Invalid("out_of_range", L("数值或文本超出范围", "A value is out of range"), facts)
    return Conflict("constraint_refused", L("数据库拒绝了该操作（{constraint}）",
                                            "The database refused it ({constraint})"), facts)
