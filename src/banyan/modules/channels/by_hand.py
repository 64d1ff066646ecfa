"""What a shop's platform takes from no program: a task for a person, in the shop's back office.

These platforms have no call by which a seller cancels what was paid, nor one that refuses a refund (each connector's
README says what was looked for); JD lets refunds without goods be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from banyan.kernel import beside
from banyan.kernel.context import Context
from banyan.kernel.dispatcher import Delivered
from banyan.kernel.models import InboxItem, User, UserRole
from banyan.lib.labels import L, Label
from banyan.modules.channels.events import OrderCancelled, RefundDecided

KIND = "shop_by_hand"
#: Where people do it, by platform.
OFFICES: Mapping[str, Label] = {
    "taobao": L("千牛", "Qianniu (Taobao's back office)"), "jd": L("京麦", "Jingmai (JD's back office)"),
    "douyin": L("抖店后台", "Doudian (Douyin's back office)"),
    "pinduoduo": L("拼多多商家后台", "Pinduoduo's merchant back office"),
}  # fmt: skip
_CANCEL = L(
    "店铺 {shop} 的订单 {number} 我方已取消，平台没有卖家取消的接口，店铺还不知道。"
    "请在{office}联系买家退款并关闭订单。原因：{why}",
    "We cancelled order {number} of shop {shop}; its platform lets no program cancel, so the shop does not know. "
    "Have the buyer paid back and the order closed in {office}. Why: {why}",
)
_CANCEL_REST = L(
    "店铺 {shop} 的订单 {number} 我方取消了未发的部分，平台没有卖家取消的接口，店铺还不知道。"
    "请在{office}为未发的部分退款。原因：{why}",
    "We cancelled what of order {number} of shop {shop} has not gone; its platform lets no program cancel, so the shop "
    "does not know. Have that part paid back in {office}. Why: {why}",
)
_REFUSE = L(
    "店铺 {shop} 订单 {number} 的退款 {refund} 我方已拒绝，平台没有拒绝退款的接口，店铺还不知道。"
    "请在{office}拒绝它，逾期平台可能自动退款。原因：{why}",
    "We refused refund {refund} of order {number} of shop {shop}; its platform lets no program refuse, so the shop "
    "does not know. Refuse it in {office}, before the platform pays by itself. Why: {why}",
)


def task_of(type_: str, facts: Mapping[str, Any]) -> Label | None:
    """Give what a person has to do about an order or refund that was told, None where the shop hears of it.

    Takes:  the type and the payload of OrderCancelled or RefundDecided
    """
    office = OFFICES.get(facts["platform"])
    if office is None:
        return None
    said = {"shop": facts["shop"], "number": facts["outside_number"], "office": office}
    if type_ == OrderCancelled.type and not facts["is_outside"]:
        text = _CANCEL if facts["is_all"] else _CANCEL_REST
        return text.filled(said | {"why": facts["reason"][:120]})
    is_refused = type_ == RefundDecided.type and facts["decision"] == "refused" and facts["outside_refund"]
    if is_refused and not (facts["platform"] == "jd" and facts["kind"] == "refund"):
        return _REFUSE.filled(said | {"refund": facts["outside_refund"], "why": facts["answer"][:120]})
    return None


def ask_person(ctx: Context, event: Delivered) -> None:
    """Put what the shop will not hear of into the inbox of who did it, else of those who look after channels.

    Writes: inboxes; nothing when the event was heard before
    """
    text = task_of(event.type, event.payload)
    if text is None or event.record is None:
        return
    mine = InboxItem.objects.filter(kind=KIND, noun=event.noun, record=event.record, created_at__gte=event.at)
    with transaction.atomic():
        if not mine.exists():
            beside.notify(ctx, _people(event.person), KIND, text, event.noun, event.record)


def _people(person: UUID | None) -> list[UUID]:
    """Give who has to do it. Two statements."""
    people = User.objects.filter(is_active=True, is_program=False)
    if person and people.filter(pk=person).exclude(login="system").exists():
        return [person]
    holders = UserRole.objects.filter(role__areas__contains=["channels"]).values("user_id")
    return sorted(people.filter(pk__in=holders).values_list("pk", flat=True))
