"""A shop's statement saved by hand: from the file to what is settled, by our heads and by the shop's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import connection

from banyan.connectors.file.connector import File
from banyan.integration.models import Message
from banyan.modules.channels.errors import NotAllMatched
from banyan.modules.channels.models import Settlement, SettlementLine
from banyan.modules.channels.tests.conftest import Stall
from tests.integration.shop import Integrator, carry
from tests.plugins.world import World

OURS = ("结算单号", "结算日期", "类型", "订单号", "费用名称", "金额")
THEIRS = ("账单编号", "入账日期", "业务类型", "商户订单号", "费用项", "结算金额")


@pytest.fixture
def folder(live_db, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    made = tmp_path / "exchange" / "tb" / "in"
    made.mkdir(parents=True)
    yield made
    connection.close()


def join(ctx, heads, encoding: str) -> None:
    """Join the folder to us: by the preset as it is, or with its heads in a mapping table."""
    hand = Integrator(ctx)
    operation = {"key": "statements", "ready": "at_once", "each": "group", "key_column": heads[0], "encoding": encoding}
    system = hand.system("TB", "file", {"folder": "tb", "operations": [operation]}, {},
                         account=hand.account("channels.settlement.receive"))  # fmt: skip
    (flow,) = hand.do("integration.flow.add_presets", system=str(system), settings={"shop": "T1"},
                      names=["statements"]).value  # fmt: skip
    if heads is OURS:
        hand.do("integration.flow.test", flow.pk)
        hand.do("integration.flow.activate", flow.pk)
        return
    preset = File().mapping("statements")
    hand.do("mapping.value_map.create", records=[dict(
        code="kinds", name="结算类型", unknown="default", default="other",
        lines=[{"outside": "货款", "ours": "order"}, {"outside": "服务费", "ours": "fee"}])])  # fmt: skip
    names = dict(zip(OURS, THEIRS, strict=True))
    lines = []
    for field in preset["fields"]:
        source = field.get("source", "")
        for one, other in names.items():
            source = source.replace(f".{one}", f".{other}")
        texts = {name: field.get(name, "") for name in ("target", "expression", "converter")}
        lines.append({**texts, "source": source, "is_required": field.get("required", False)})
    hand.do("mapping.table.create", records=[dict(code="TB-BILL", name="淘宝账单", lines=lines)])
    sample = {"key": "1", "rows": [dict(zip(THEIRS, ("1", "2026-03-31", "货款", "T-1", "", "1.00"), strict=True))]}
    hand.flow(system, "BILLS", sample, direction="in", trigger="poll", target="channels.settlement.receive",
              detail={"operation": "statements", "every": 60},
              mapping={"table": "TB-BILL", "settings": {"shop": "T1"}})  # fmt: skip


@pytest.mark.parametrize(("heads", "encoding"), [(OURS, "utf-8"), (THEIRS, "gb18030")], ids=["preset", "table"])
def test_a_statement_comes_as_a_file_is_matched_and_settled(folder, ctx, heads, encoding):
    stall = Stall(World(ctx.with_(now=datetime.now(UTC))))
    shop = stall.shop("T1", system="TB")
    stall.listing(shop, "A-1", stall.world.part)
    stall.put(stall.world.part, 10)
    for number in ("T-1", "T-2"):
        stall.receive(stall.outside(shop, {"quantity": "2", "price": "100.00"}, number=number))
    join(stall.ctx, heads, encoding)
    rows = [("货款", "T-1", "", "¥200.00"), ("货款", "T-2", "", "190.00"), ("服务费", "T-1", "技术服务费", "-2.00")]
    text = "\r\n".join(",".join(row) for row in [heads, *(("JS1", "2026-03-31", *row) for row in rows)])
    (folder / "march.csv").write_bytes(text.encode(encoding))
    (folder / "once more.csv").write_bytes((text + "\r\n").encode(encoding))
    carry(stall.ctx.now + timedelta(seconds=61))
    assert list(Message.objects.values_list("state", "reason", "error")) == [("done", "", "")] * 2
    one = Settlement.objects.get()
    assert (one.outside_number, str(one.settled_on), one.total_amount, one.unmatched, one.difference_amount) == (
        "JS1", "2026-03-31", D(388), 0, D(-10),
    )  # fmt: skip
    lines = SettlementLine.objects.filter(settlement=one).order_by("position")
    assert list(lines.values_list("kind", "outside_number", "fee", "amount")) == [
        ("order", "T-1", "", D(200)), ("order", "T-2", "", D(190)), ("fee", "T-1", "技术服务费", D(-2)),
    ]  # fmt: skip
    with pytest.raises(NotAllMatched):
        stall.do("channels.settlement.settle", one)
    stall.ctx = stall.ctx.with_(consents=frozenset({NotAllMatched.code}))
    stall.do("channels.settlement.settle", one)
    one.refresh_from_db()
    assert one.state == "settled"
