import json
import pickle
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest

from banyan.lib import errors
from banyan.lib.errors import Conflict, DomainError, FieldFaults, Invalid, NotFound, Stale
from banyan.lib.labels import L, speaking


class NotEnoughStock(Conflict):
    """How a module declares a refusal: one class, both languages, the facts as slots."""

    code = "inventory.not_enough_stock"
    zh = "{item} 可用 {free} {unit}，缺 {missing} {unit}"
    en = "{item}: {free} {unit} available, {missing} {unit} missing"
    way_out_zh = "减少数量，或先为 {item} 收货"
    way_out_en = "Reduce the quantity or receive {item} first"


def refusal() -> NotEnoughStock:
    return NotEnoughStock(
        item="A-100", free=Decimal("3.000000"), missing=Decimal("2.5"), unit=L("千克", "kg")
    )


def test_a_refusal_names_thing_fault_and_way_out_in_both_languages():
    error = refusal()
    assert error.text("zh") == "A-100 可用 3 千克，缺 2.5 千克"
    assert error.text("en") == "A-100: 3 kg available, 2.5 kg missing"
    assert error.way_out == L("减少数量，或先为 A-100 收货", "Reduce the quantity or receive A-100 first")
    with speaking("en"):
        assert str(error) == "A-100: 3 kg available, 2.5 kg missing"


def test_a_refusal_carries_its_facts_as_values_and_as_json():
    error = refusal()
    assert error.facts["missing"] == Decimal("2.5")
    assert error.data == {"item": "A-100", "free": "3", "missing": "2.5", "unit": {"zh": "千克", "en": "kg"}}


def test_a_refusal_becomes_a_problem():
    assert refusal().as_problem("en", "/api/v1/moves") == {
        "type": "/problems/inventory.not_enough_stock",
        "title": "Conflict",
        "status": 409,
        "detail": "A-100: 3 kg available, 2.5 kg missing",
        "code": "inventory.not_enough_stock",
        "data": {"item": "A-100", "free": "3", "missing": "2.5", "unit": {"zh": "千克", "en": "kg"}},
        "instance": "/api/v1/moves",
        "way_out": "Reduce the quantity or receive A-100 first",
    }


def test_field_faults_are_listed_by_path_and_by_json_pointer():
    error = Invalid(
        fields={"number": L("必填", "required"), "lines.3.quantity": [L("甲", "a"), L("乙", "b")]}
    )
    assert error.field_texts("zh") == {"number": ["必填"], "lines.3.quantity": ["甲", "乙"]}
    problem = error.as_problem("en")
    assert problem["errors"] == [
        {"path": "number", "pointer": "#/number", "detail": "required"},
        {"path": "lines.3.quantity", "pointer": "#/lines/3/quantity", "detail": "a"},
        {"path": "lines.3.quantity", "pointer": "#/lines/3/quantity", "detail": "b"},
    ]
    assert "instance" not in problem
    assert "way_out" not in problem


def test_a_rare_refusal_needs_no_class():
    error = Conflict(
        "sales.order_closed", L("订单 {number} 已关闭", "Order {number} is closed"), {"number": "SO-7"}
    )
    assert (error.code, error.status, error.text("zh")) == ("sales.order_closed", 409, "订单 SO-7 已关闭")
    assert NotFound("x.y", "纯文本").text("en") == "纯文本"
    assert Conflict.code == "conflict"


def test_facts_may_have_the_names_of_arguments():
    assert Invalid("a.b", L("编码 {code}", "code {code}"), code="X1", text="t").text("en") == "code X1"


def test_a_text_never_fails_for_a_missing_fact():
    assert NotEnoughStock(item="A").text("en") == "A: {free} {unit} available, {missing} {unit} missing"


def test_a_class_whose_languages_disagree_is_refused():
    with pytest.raises(TypeError, match="same facts"):
        type("Bad", (Conflict,), {"code": "a.b", "zh": "{x}", "en": "{y}"})
    with pytest.raises(TypeError, match="same facts"):
        type("Bad", (Conflict,), {"code": "a.b", "way_out_zh": "去那里"})
    with pytest.raises(TypeError, match="not a code"):
        type("Bad", (Conflict,), {"code": "NotSnake"})


@pytest.mark.parametrize(
    ("family", "status"),
    [
        ("Invalid", 422),
        ("NotAllowed", 403),
        ("NotFound", 404),
        ("Conflict", 409),
        ("Stale", 412),
        ("NeedsConfirmation", 409),
        ("NotAuthenticated", 401),
        ("TooLarge", 413),
        ("UnsupportedMedia", 415),
        ("PreconditionRequired", 428),
        ("TooMany", 429),
    ],
)
def test_each_family_has_its_http_status_and_a_text_of_its_own(family, status):
    error = getattr(errors, family)()
    assert isinstance(error, DomainError)
    assert error.status == status
    assert error.text("zh") != error.text("en")
    assert json.loads(json.dumps(error.as_problem("zh")))["status"] == status


def test_faults_are_collected_and_refused_at_once():
    faults = FieldFaults()
    faults.refuse_if_any()
    faults.add("number", L("必填", "required"))
    faults.add(("lines", 3, "quantity"), L("须大于零", "must be above zero"))
    faults.add("lines.3.quantity", L("超过订单", "more than ordered"))
    with pytest.raises(Invalid) as caught:
        faults.refuse_if_any()
    assert caught.value.field_texts("en") == {
        "number": ["required"],
        "lines.3.quantity": ["must be above zero", "more than ordered"],
    }


def test_facts_of_every_kind_become_json():
    class Kind(Enum):
        MAKE = "make"

    @dataclass(frozen=True)
    class Need:
        item: UUID
        quantity: Decimal

    need = Need(UUID(int=1), Decimal("1E+2"))
    data = Invalid("a.b", "x", kind=Kind.MAKE, needs=(need,), on=date(2025, 1, 2), by={1: None}).data
    assert data == {
        "kind": "make",
        "needs": [{"item": "00000000-0000-0000-0000-000000000001", "quantity": "100"}],
        "on": "2025-01-02",
        "by": {"1": None},
    }


def test_a_refusal_survives_pickling():
    copy = pickle.loads(pickle.dumps(refusal()))
    assert copy.as_problem("en") == refusal().as_problem("en")
    assert isinstance(pickle.loads(pickle.dumps(Stale())), Stale)
