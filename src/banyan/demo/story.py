"""The story: from a customer's order to the books, told through the commands people use, each by its person.

`main` fills an empty factory, tells the story, and proves its figures; the scenario tests tell the same one.
A clock moves through working days up to now, so that dates look as they would.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from banyan.demo import andon, cards, cycles, floor, outcome, rongxi, shops, stores
from banyan.demo.acting import Cast, Teller, Terminal, half, key_of
from banyan.demo.plot import PASSWORD, ROLES, Plot
from banyan.kernel import db, dispatcher
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import JobRun, User
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label, plain
from banyan.modules.engineering import capture
from banyan.modules.finance import queries as books
from banyan.modules.inventory import queries as stock
from banyan.modules.planning import queries as planning
from banyan.modules.production import queries as production
from banyan.modules.production.errors import NotKitted

KIND = "demo.story"
#: By factory, the titles of its set-up, of `Story.tell`, and after it; AdventureWorks has neither wages nor shops.
CHAPTERS = {"demo": 3 + 14 + 1, "adventureworks": 1 + 12}
#: So often the plan is run again for what scrap and rejects have left short.
MOST_ROUNDS = 4
SHOWN = 6
ZERO = Decimal(0)


@dataclass
class Told:
    """What the story came to: the documents, for tests and for the figures shown."""

    order: UUID | None = None
    work_orders: list[UUID] = field(default_factory=list)
    purchase_orders: list[UUID] = field(default_factory=list)
    shipments: list[UUID] = field(default_factory=list)
    invoices: list[UUID] = field(default_factory=list)
    payments: list[UUID] = field(default_factory=list)
    credit_note: UUID | None = None
    scrapped: tuple[UUID, Decimal] | None = None
    rejected: tuple[str, Decimal, Decimal] | None = None
    taken_up: list[str] = field(default_factory=list)
    fetched: int = 0
    traced_lot: UUID | None = None
    figures: dict[str, Any] = field(default_factory=dict)


class Story(Cast):
    """Tells a plot on a factory that is set up: `tell` runs the chapters in order."""

    def __init__(
        self, plot: Plot, people: Mapping[str, UUID], *, begins: datetime, teller: Teller | None = None
    ) -> None:
        super().__init__(people, begins=begins, teller=teller)
        self.plot, self.told = plot, Told()
        self.plant: UUID = db.one("SELECT id FROM company_plant ORDER BY code LIMIT 1")[0]
        self.customer = key_of("parties.party", plot.customer)
        self.receivable = books.account_balance("1122", party=self.customer)
        self.urgent: list[str] = []

    def tell(self) -> Told:
        """Tell the whole story; give what it came to."""
        self.take_order()
        self.plan()
        for _ in range(MOST_ROUNDS):  # each plan covers what the last round left short: scrap, rejects
            self.buy()
            self.make()
            if not self.plan_again():
                break
        self.ship()
        self.invoice()
        self.take_back()
        self.pay_wages()
        self.close()
        self.show()
        andon.tell(self)
        stores.tell(self, self.plant, self.plot.finished)
        cards.tell(self)
        shops.tell(self, self.plant)
        return self.told

    # --- the order ------------------------------------------------------------------------------------------

    def take_order(self) -> None:
        """Sales enters the order, hears of the credit limit, confirms, promises days."""
        self.chapter("销售订单：信用检查、确认、承诺交期", "Sales order: credit check, confirmation, promise")
        head, lines = self._order_lines()
        huge = [line | {"quantity": str(Decimal(line["quantity"]) * 1000)} for line in lines]
        too_much = self.do("sales", "sales.order.create", records=[head | {"lines": huge}]).ids
        refusal = self.refused("sales", "sales.order.confirm", too_much)
        self.told.figures["refused"] = refusal.code
        self.do("sales", "sales.order.delete", too_much)
        (order,) = self.do("sales", "sales.order.create", records=[head | {"lines": lines}]).ids
        self.told.order = order
        self.do("sales", "sales.order.confirm", [order])
        self.do("planner", "sales.order.promise", [order])
        number, net, tax, gross, currency, customer, limit = db.one(
            """
            SELECT o.number, o.net_amount, o.tax_amount, o.gross_amount, c.code, p.name, p.credit_limit
            FROM sales_order o JOIN parties_party p ON p.id = o.party_id
            JOIN company_currency c ON c.id = o.currency_id WHERE o.id = %s
            """,
            [order],
        )
        self.fact(
            "{customer} 的订单 {number}：{n} 行，净额 {net} + 增值税 {tax} = {gross} {currency}",
            "Order {number} of {customer}: {n} lines, net {net} + VAT {tax} = {gross} {currency}",
            customer=customer,
            number=number,
            n=len(lines),
            net=net,
            tax=tax,
            gross=gross,
            currency=currency,
        )
        rows = db.rows(
            """
            SELECT l.id, i.code, l.quantity, l.price, l.wanted_on, l.promised_on
            FROM sales_orderline l JOIN items_item i ON i.id = l.item_id
            WHERE l.order_id = %s ORDER BY l.position
            """,
            [order],
        )
        for wish, (line, item, quantity, price, wanted, promised) in zip(self.plot.lines, rows, strict=True):
            self.fact(
                "　{item} × {quantity}，单价 {price}，要求 {wanted}，承诺 {promised}{mark}",
                "  {item} × {quantity} at {price}, wanted {wanted}, promised {promised}{mark}",
                item=item,
                quantity=quantity,
                price=price,
                wanted=wanted,
                promised=promised,
                mark=L("，加急", ", urgent") if wish.is_urgent else "",
            )
            if wish.is_urgent:
                self.urgent.append(str(line))
        self.fact(
            "信用额度 {limit}：千倍数量的订单被拒绝（{why}）",
            "Credit limit {limit}: an order a thousand times as large was refused ({why})",
            limit=limit,
            why=refusal.label,
        )

    def _order_lines(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Give the order's head and lines as sales enters them."""
        today, wishes = self.now.date(), self.plot.lines
        tax = str(self._tax_code())
        head = dict(
            party=str(self.customer),
            plant=str(self.plant),
            ordered_on=today.isoformat(),
            customer_reference=f"PO-{today:%m%d}-1",
            wanted_on=(today + timedelta(days=max(w.in_days for w in wishes))).isoformat(),
        )
        return head, [
            dict(
                item=str(key_of("items.item", w.item)),
                quantity=str(w.quantity),
                tax_code=tax,
                wanted_on=(today + timedelta(days=w.in_days)).isoformat(),
            )
            for w in wishes
        ]

    def _tax_code(self) -> UUID:
        sql = "SELECT id FROM company_taxcode WHERE rate = %s ORDER BY code LIMIT 1"
        return db.one(sql, [self.plot.tax])[0]

    # --- the plan -------------------------------------------------------------------------------------------

    def plan(self) -> None:
        """The planner runs the plan, mends what it complains of, and turns planned orders into orders.

        Running twice changes nothing.
        """
        self.chapter(
            "计划：运算两遍结果相同，处理例外，转工单和采购订单",
            "Plan: run twice, the same; exceptions dealt with; work and purchase orders",
        )
        self._run_plan()
        first = _planned_orders()
        self._run_plan()
        if _planned_orders() != first:
            raise AssertionError("the plan run twice differs")
        mine = self._mine(first)
        kinds = [row[1] for row in first if row[0] in mine]
        self.fact(
            "计划订单 {all} 张（第二遍不变）；转单 {mine} 张：自制 {make}，采购 {buy}",
            "{all} planned orders, the same when run again; {mine} are carried out: {make} to make, "
            "{buy} to buy",
            all=len(first),
            mine=len(mine),
            make=kinds.count("make"),
            buy=kinds.count("buy"),
        )
        if len(mine) < len(first):
            self.fact(
                "其余 {rest} 张只补安全库存，留给计划员",
                "The other {rest} refill safety stocks and stay planned",
                rest=len(first) - len(mine),
            )
        self._mend(mine)
        self._convert(mine)

    def plan_again(self) -> bool:
        """Plan for what is short after scrap and rejects; say whether there was anything."""
        self._run_plan()
        mine = self._mine(_planned_orders())
        if mine:
            self.fact(
                "报废和拒收后再算：又缺 {n} 项，补单",
                "Planned again after scrap and rejects, new orders: {n}",
                n=len(mine),
            )
        mended = self._mend(mine)
        self._convert(mine)
        return bool(mine) or mended

    def _run_plan(self) -> None:
        is_open = "SELECT id FROM sales_orderline WHERE id = ANY(%s::uuid[]) AND open_quantity > 0"
        rush = [str(row[0]) for row in db.rows(is_open, [self.urgent])]
        self.do("planner", "planning.run.plan", plant=str(self.plant), rush=rush)

    def _mine(self, planned: Sequence[tuple]) -> list[UUID]:
        """Give the planned orders that are carried out: all, or those that serve the customer's order."""
        if self.plot.whole_plan:
            return [row[0] for row in planned]
        serving = {step.supply for step in self._served_by()}
        return [row[0] for row in planned if row[0] in serving]

    def _served_by(self) -> tuple[planning.PegStep, ...]:
        run = planning.current_run(self.plant)
        return planning.served_by(run, [self.told.order]) if run else ()

    def _mend(self, mine: Sequence[UUID]) -> bool:
        """Do what the plan's messages ask for: take items up again, fetch from line sides.

        Takes:  mine: the planned orders that are carried out
        Gives:  whether anything was fetched
        """
        rows = db.rows(
            """
            SELECT m.kind, m.item_id, i.code, m.quantity, m.text_zh, m.text_en
            FROM planning_message m JOIN planning_run r ON r.id = m.run_id AND r.is_current
            JOIN items_item i ON i.id = m.item_id WHERE r.plant_id = %s ORDER BY i.code
            """,
            [self.plant],
        )
        planned = {row[2] for row in _planned_orders() if row[0] in mine}
        served = {step.item for step in self._served_by()}
        self._take_up([row for row in rows if row[0] == "out_of_use" and row[1] in planned])
        return self._fetch([
            row for row in rows if row[0] == "line_side" and (self.plot.whole_plan or row[1] in served)
        ])  # fmt: skip

    def _take_up(self, rows: Sequence[tuple]) -> None:
        """The planner takes items up again that were out of use and are needed after all."""
        if not rows:
            return
        self.do("planner", "items.item.activate", [row[1] for row in rows])
        self.told.taken_up += [row[2] for row in rows]
        for row in rows[:SHOWN]:
            self.teller.fact(L(f"　{row[4]} → 已重新启用", f"  {row[5]} → taken up again"))

    def _fetch(self, rows: Sequence[tuple]) -> bool:
        """The warehouse brings from line sides to the store what the plan needs there: one transfer."""
        missing = {row[1]: row[3] for row in rows}
        lines = []
        for row in stock.stock_rows(self.plant, list(missing)) if missing else ():
            is_ours = row.kind == "line_side" and row.owner is None and row.lot_state == "released"
            quantity = min(missing[row.item], row.on_hand - row.allocated) if is_ours else ZERO
            if quantity > 0:
                missing[row.item] -= quantity
                lines.append(
                    dict(item=str(row.item), quantity=str(quantity), source=str(row.location))
                    | ({"lot": str(row.lot)} if row.lot else {})
                )
        if not lines:
            return False
        made = self.do(
            "warehouse",
            "inventory.stock_document.create",
            records=[dict(kind="transfer", plant=str(self.plant), reason="线边调回", lines=lines)],
        ).ids
        self.do("warehouse", "inventory.stock_document.post", made)
        self.told.fetched += len(lines)
        first = rows[0]
        self.teller.fact(
            L(
                f"　{first[4]} 等 {len(rows)} 项 → 一张调拨单，{len(lines)} 行",
                f"  {first[5]}, and {len(rows) - 1} more → one transfer of {len(lines)} lines",
            )
        )
        return True

    def _convert(self, planned: Sequence[UUID]) -> None:
        if not planned:
            return
        self.do("planner", "planning.planned_order.convert", planned)
        orders, lines, finished = db.one(
            """
            SELECT count(*) FILTER (WHERE kind = 'make'), count(*) FILTER (WHERE kind = 'buy'),
                   count(*) FILTER (WHERE kind = 'make' AND item_id IN
                                    (SELECT item_id FROM sales_orderline WHERE order_id = %s))
            FROM planning_plannedorder WHERE id = ANY(%s)
            """,
            [self.told.order, list(planned)],
        )
        self.fact(
            "转为工单 {orders} 张（成品 {finished}，自制件和部件 {parts}），采购 {lines} 行",
            "They became work orders: {orders} (finished goods {finished}, sub-assemblies and parts "
            "{parts}); lines to buy: {lines}",
            orders=orders,
            finished=finished,
            parts=orders - finished,
            lines=lines,
        )

    # --- buying ---------------------------------------------------------------------------------------------

    def buy(self) -> None:
        """The buyer orders; goods come in two parts; of one lot, three of ten are rejected."""
        drafts = [
            r[0]
            for r in db.rows(
                "SELECT id FROM purchasing_order WHERE state = 'draft' AND NOT is_history "
                "ORDER BY created_at, id"
            )
        ]
        if not drafts:
            return
        self.chapter(
            "采购：下单、供应商确认、分两次到货、检验入库",
            "Purchasing: order, confirmation, two deliveries, inspection",
        )
        self.do("buyer", "purchasing.order.order", drafts)
        for order in drafts:
            self.do("buyer", "purchasing.order.confirm", [order])
        self.told.purchase_orders += drafts
        before = self.told.rejected
        for is_first in (True, False):
            self.sleep(2)
            for order in drafts:
                self._receive(order, is_first=is_first)
        orders, net, suppliers, lines, receipts, lots = db.one(
            """
            SELECT count(DISTINCT o.id), sum(l.net_amount), count(DISTINCT o.party_id), count(*),
                   (SELECT count(*) FROM purchasing_receipt r WHERE r.order_id = ANY(%(orders)s)),
                   (SELECT count(DISTINCT x.lot_id) FROM purchasing_receiptline x JOIN purchasing_receipt r
                    ON r.id = x.receipt_id WHERE r.order_id = ANY(%(orders)s))
            FROM purchasing_order o JOIN purchasing_orderline l ON l.order_id = o.id
            WHERE o.id = ANY(%(orders)s)
            """,
            {"orders": drafts},
        )
        self.fact(
            "采购订单 {orders} 张 {lines} 行，{suppliers} 家供应商，不含税 {net}；"
            "到货 {receipts} 次，批次 {lots} 个",
            "Purchase orders: {orders}, lines: {lines}, suppliers: {suppliers}, net {net}; "
            "deliveries: {receipts}, lots: {lots}",
            orders=orders,
            lines=lines,
            suppliers=suppliers,
            net=net,
            receipts=receipts,
            lots=lots,
        )
        if self.told.rejected and not before:
            item, quantity, bad = self.told.rejected
            self.fact(
                "{item} 一批 {quantity} 件中拒收 {bad} 件（尺寸超差），移入不良品库",
                "{bad} of {quantity} of one lot of {item} were rejected (size) and set apart",
                item=item,
                quantity=quantity,
                bad=bad,
            )

    def _receive(self, order: UUID, *, is_first: bool) -> None:
        """Receive half of each line at first, then the rest; quality books the good and rejects the bad."""
        lines, has_faulty = [], False
        for line, item, tracking, open_, places in db.rows(
            """
            SELECT l.id, i.code, i.tracking, l.open_quantity, u.places FROM purchasing_orderline l
            JOIN items_item i ON i.id = l.item_id JOIN company_unit u ON u.id = i.unit_id
            WHERE l.order_id = %s AND l.open_quantity > 0 ORDER BY l.position
            """,
            [order],
        ):
            quantity = half(open_, places) if is_first else open_
            parts = [(quantity, "")]
            is_told = has_faulty or self.told.rejected is not None
            if not is_told and tracking == "lot" and quantity >= 10 and not places:
                has_faulty, parts = True, [(Decimal(10), "X"), (quantity - 10, "")]
            for part, mark in parts:
                if part > 0:
                    name = f"{item}-{self.now:%y%m%d}{mark}-{str(order)[-4:]}{len(lines)}"
                    goods = dict(order_line=str(line), quantity=str(part))
                    lines.append(goods | _marks(tracking, name, line, part))
        if not lines:
            return
        self.do(
            "warehouse",
            "purchasing.order.receive",
            [order],
            lines=lines,
            delivery_note=f"DN-{str(order)[-6:]}-{1 if is_first else 2}",
        )
        (receipt,) = db.one(
            "SELECT id FROM purchasing_receipt WHERE order_id = %s AND state = 'arrived' "
            "ORDER BY created_at DESC LIMIT 1",
            [order],
        )
        self._book(receipt, has_faulty)

    def _book(self, receipt: UUID, has_faulty: bool) -> None:
        lines = []
        for line, item, quantity, lot in db.rows(
            """
            SELECT r.id, i.code, r.quantity, r.lot_number FROM purchasing_receiptline r
            JOIN items_item i ON i.id = r.item_id WHERE r.receipt_id = %s ORDER BY r.position
            """,
            [receipt],
        ):
            is_faulty = has_faulty and self.told.rejected is None and quantity == 10 and "X-" in lot
            bad = Decimal(3) if is_faulty else ZERO
            if bad:
                self.told.rejected = (item, quantity, bad)
            lines.append(
                dict(
                    receipt_line=str(line),
                    accepted=str(quantity - bad),
                    rejected=str(bad),
                    reason="尺寸超差" if bad else "",
                )
            )
        self.do("quality", "purchasing.receipt.book", [receipt], lines=lines)

    # --- making ---------------------------------------------------------------------------------------------

    def make(self) -> None:
        """Work orders from the lowest level up: release, issue by lot, report in parts, receive."""
        self.chapter(
            "生产：齐套检查、下达、按批领料、分次报工、完工入库",
            "Production: kit check, release, issue by lot, reports in parts, finished lots",
        )
        before, days = len(self.told.work_orders), 0
        while ready := self._ready(is_told=not days):
            for order in ready:
                self._make(order)
            self.sleep(1)
            days += 1
        made = self.told.work_orders[before:]
        if made:
            self._tell_made(made, days)

    def _ready(self, *, is_told: bool) -> list[UUID]:
        """Give work orders not begun whose material is all in stock, the first due served first."""
        waiting = [
            r[0]
            for r in db.rows(
                "SELECT id FROM production_workorder WHERE state IN ('planned', 'firm') "
                "AND kind = 'standard' ORDER BY due_on, id"
            )
        ]
        kits = production.kit_check(waiting, on=self.now.date()) if waiting else ()
        lacking = {line.order for line in kits if line.missing > 0}
        if is_told and waiting:
            self.fact(
                "齐套检查：{ready} 张齐套，{lacking} 张等下级完工",
                "Kit check: {ready} complete, {lacking} wait for what others make",
                ready=len(waiting) - len(lacking),
                lacking=len(lacking),
            )
        return [order for order in waiting if order not in lacking]

    def _make(self, order: UUID) -> None:
        try:
            self.do("planner", "production.work_order.release", [order])
        except NotKitted:  # a sibling has just taken the material
            return
        self.told.work_orders.append(order)
        code, quantity, tracking, issues = db.one(
            """
            SELECT i.code, w.quantity, i.tracking, EXISTS (SELECT FROM production_material m
                   WHERE m.work_order_id = w.id AND NOT m.is_backflushed AND m.quantity > 0)
            FROM production_workorder w JOIN items_item i ON i.id = w.item_id WHERE w.id = %s
            """,
            [order],
        )
        if issues:
            self.do("warehouse", "production.work_order.issue", [order])
        lot = f"{code}-{self.now:%y%m%d}-{str(order)[-4:]}"
        self._report(order, code, quantity, lot if tracking == "lot" else "")
        self._complete(order, code, tracking, lot)

    def _report(self, order: UUID, code: str, quantity: Decimal, lot: str) -> None:
        """Report every operation in two parts, by people of its department; once a piece is scrapped."""
        good, is_spoilt = quantity, self._spoils(code, quantity)
        for turn, (operation, ratio, people, asked) in enumerate(db.rows(_OPERATIONS, [order])):
            told = measured(asked)
            team = [dict(employee=str(people[(turn * 3 + n) % len(people)])) for n in range(3)]
            if is_spoilt and turn == 0:
                good -= 1
                self.told.scrapped = (order, Decimal(1))
                reason = str(key_of("production.defect_reason", self.plot.scrap_reason))
                self._say(
                    operation, "scrap", ratio, team[:1], defects=[dict(reason=reason, quantity=str(ratio))], data=told
                )
            part = half(good, 0)
            for share, by in ((part, team[:2]), (good - part, team[2:])):
                if share > 0:
                    self._say(operation, "good", share * ratio, by, output_lot=lot, data=told)

    def _spoils(self, code: str, quantity: Decimal) -> bool:
        return self.told.scrapped is None and code != self.plot.finished and quantity >= 5

    def _say(self, operation: UUID, kind: str, quantity: Decimal, people: list[dict], **more: Any) -> None:
        self.do(
            "worker",
            "production.work_order.report",
            reports=[
                dict(
                    id=str(new_id()),
                    operation=str(operation),
                    kind=kind,
                    quantity=str(quantity),
                    people=people,
                    **more,
                )
            ],
        )

    def _complete(self, order: UUID, code: str, tracking: str, lot: str) -> None:
        (good,) = db.one(
            """
            SELECT CASE WHEN count(o.id) = 0 THEN max(w.quantity)
                   ELSE round(min(o.good_quantity / o.report_ratio), 6) END
            FROM production_workorder w
            LEFT JOIN production_operation o ON o.work_order_id = w.id AND o.state <> 'skipped'
            WHERE w.id = %s
            """,
            [order],
        )
        if tracking == "serial":
            names = (f"{code}-{str(order)[-4:]}-{n:03}" for n in range(1, int(good) + 1))
            lines = [dict(quantity="1", lot=name) for name in names]
        else:
            lines = [dict(quantity=str(good), lot=lot if tracking == "lot" else "")]
        self.do("warehouse", "production.work_order.complete", [order], lines=lines, is_last=True)

    def _tell_made(self, made: Sequence[UUID], days: int) -> None:
        finished, issued, taken, lots = db.one(_MADE, {"orders": list(made), "order": self.told.order})
        reports, people, operations = db.one(_REPORTED, {"orders": list(made)})
        self.fact(
            "完工 {n} 张工单，{days} 天：成品 {finished}，自制件和部件 {parts}",
            "Work orders done in {days} days: {n} (finished goods {finished}, sub-assemblies and parts "
            "{parts})",
            n=len(made),
            days=days,
            finished=finished,
            parts=len(made) - finished,
        )
        self.fact(
            "按批领料 {issued} 行，{taken} 个批次；{operations} 道工序报工 {reports} 次，{people} 人；"
            "完工批次 {lots} 个",
            "Issues: {issued}, of {taken} lots; reports: {reports} on {operations} operations by "
            "{people} people; finished lots received: {lots}",
            issued=issued,
            taken=taken,
            operations=operations,
            reports=reports,
            people=people,
            lots=lots,
        )
        if self.told.scrapped and self.told.scrapped[0] in made:
            number, item, zh, en = db.one(
                """
                SELECT w.number, i.code, d.name, coalesce(nullif(d.name_en, ''), d.name)
                FROM production_workorder w JOIN items_item i ON i.id = w.item_id, production_defectreason d
                WHERE w.id = %s AND d.code = %s
                """,
                [self.told.scrapped[0], self.plot.scrap_reason],
            )
            self.fact(
                "工单 {number}（{item}）报废 1 件，原因：{why}",
                "Work order {number} ({item}): 1 piece scrapped, {why}",
                number=number,
                item=item,
                why=L(zh, en),
            )

    # --- to the customer ------------------------------------------------------------------------------------

    def ship(self) -> None:
        """Two parcels: half of everything, then the rest. Raises: AssertionError while work orders wait."""
        waiting = db.rows(
            "SELECT i.code FROM production_workorder w JOIN items_item i ON i.id = w.item_id "
            "WHERE w.state IN ('planned', 'firm') ORDER BY 1"
        )
        if waiting:
            raise AssertionError(f"work orders wait for material: {[row[0] for row in waiting]}")
        self.chapter("发货：分两个包裹", "Shipment: two parcels")
        for is_first in (True, False):
            lines = [
                dict(order_line=str(line), quantity=str(quantity))
                for line, open_ in db.rows(
                    "SELECT id, open_quantity FROM sales_orderline WHERE order_id = %s AND open_quantity > 0 "
                    "ORDER BY position",
                    [self.told.order],
                )
                if (quantity := half(open_, 0) if is_first else open_) > 0
            ]
            self.do(
                "warehouse",
                "sales.order.ship",
                [self.told.order],
                lines=lines,
                tracking_number=f"SF{self.now:%m%d%H%M%S}",
            )
            self.sleep(1)
        rows = db.rows(
            """
            SELECT id, number, tracking_number, array_agg(code || ' × ' || trim_scale(quantity)
                   ORDER BY code), sum(lots)
            FROM (SELECT s.id, s.number, s.tracking_number, i.code, sum(x.quantity) AS quantity,
                         count(DISTINCT x.lot_id) AS lots
                  FROM sales_shipment s JOIN sales_shipmentline x ON x.shipment_id = s.id
                  JOIN items_item i ON i.id = x.item_id JOIN sales_orderline l ON l.id = x.order_line_id
                  WHERE l.order_id = %s GROUP BY s.id, i.code) goods
            GROUP BY id, number, tracking_number ORDER BY number
            """,
            [self.told.order],
        )
        self.told.shipments = [row[0] for row in rows]
        for _, number, tracking, goods, lots in rows:
            self.fact(
                "发货单 {number}，运单 {tracking}：{goods}；{lots} 个批次",
                "Shipment {number}, parcel {tracking}: {goods}; {lots} lots",
                number=number,
                tracking=tracking,
                goods=goods,
                lots=lots,
            )

    def invoice(self) -> None:
        """Invoice with VAT, paid in two payments; the suppliers' invoices are entered."""
        self.chapter(
            "开票（13% 增值税），分两次收款；采购收票",
            "Invoice with 13 % VAT, two payments; suppliers' invoices",
        )
        self.told.invoices = list(
            self.do("accountant", "finance.customer_invoice.from_orders", orders=[str(self.told.order)]).ids
        )
        (key,) = self.told.invoices
        number, net, tax, gross, currency = db.one(
            "SELECT number, net_amount, tax_amount, gross_amount, currency_id FROM finance_customerinvoice "
            "WHERE id = %s",
            [key],
        )
        self.fact(
            "发票 {number}：净额 {net} + 增值税 {tax} = {gross}",
            "Invoice {number}: net {net} + VAT {tax} = {gross}",
            number=number,
            net=net,
            tax=tax,
            gross=gross,
        )
        bank = key_of("finance.account", "1002")
        first = (gross / 2).quantize(Decimal("0.01"))
        for amount in (first, gross - first):
            self.sleep(1)
            (payment,) = self.do(
                "accountant",
                "finance.payment.create",
                records=[
                    dict(
                        direction="in",
                        party=str(self.customer),
                        paid_on=self.now.date().isoformat(),
                        account=str(bank),
                        currency=str(currency),
                        amount=str(amount),
                        reference=f"{number} 货款",
                    )
                ],
            ).ids
            self.do("accountant", "finance.payment.post", [payment], invoices=[dict(invoice=str(key))])
            self.told.payments.append(payment)
        self.fact(
            "收款两次：{first} + {second}，发票已结清",
            "Paid in two payments, {first} and {second}: the invoice is settled",
            first=first,
            second=gross - first,
        )
        received = [
            str(r[0])
            for r in db.rows(
                "SELECT DISTINCT order_id FROM purchasing_orderline WHERE order_id = ANY(%s) "
                "AND received_quantity > returned_quantity + invoiced_quantity",
                [self.told.purchase_orders],
            )
        ]
        if received:
            bills = self.do("accountant", "finance.supplier_invoice.from_orders", orders=received).ids
            (owed,) = db.one(
                "SELECT sum(gross_amount) FROM finance_supplierinvoice WHERE id = ANY(%s)", [list(bills)]
            )
            self.fact(
                "供应商发票 {n} 张，含税 {owed}",
                "{n} suppliers' invoices, {owed} with VAT",
                n=len(bills),
                owed=owed,
            )

    def take_back(self) -> None:
        """One piece comes back; a red credit note follows."""
        self.chapter("退货一件，红字发票", "One piece comes back; a red credit note")
        line, lot, number = db.one(
            """
            SELECT s.order_line_id, s.lot_id, t.number
            FROM sales_shipmentline s JOIN items_item i ON i.id = s.item_id
            LEFT JOIN inventory_lot t ON t.id = s.lot_id WHERE s.shipment_id = ANY(%s) AND i.code = %s
            ORDER BY t.origin = ANY(%s) DESC NULLS LAST, s.position LIMIT 1
            """,
            [self.told.shipments, self.plot.finished, self.told.work_orders],
        )
        row = dict(order_line=str(line), quantity="1", outcome="inspection")
        row |= {"lot": str(lot)} if lot else {}
        (made,) = self.do(
            "sales",
            "sales.return_order.create",
            records=[
                dict(
                    party=str(self.customer),
                    plant=str(self.plant),
                    reason="defective",
                    note="运转异响",
                    lines=[row],
                )
            ],
        ).ids
        self.do("warehouse", "sales.return_order.receive", [made])
        (self.told.credit_note,) = self.do(
            "accountant", "finance.customer_invoice.from_orders", orders=[str(self.told.order)]
        ).ids
        self.told.traced_lot = lot
        (back,) = db.one("SELECT number FROM sales_returnorder WHERE id = %s", [made])
        note, net, tax, gross = db.one(
            "SELECT number, net_amount, tax_amount, gross_amount FROM finance_customerinvoice WHERE id = %s",
            [self.told.credit_note],
        )
        self.fact(
            "退货单 {back}：{item} 1 件，批次 {lot}，进待检",
            "Return {back}: 1 of {item}, lot {lot}, to inspection",
            back=back,
            item=self.plot.finished,
            lot=number,
        )
        self.fact(
            "红字发票 {note}：净额 {net} + 增值税 {tax} = {gross}",
            "Credit note {note}: net {net} + VAT {tax} = {gross}",
            note=note,
            net=net,
            tax=tax,
            gross=gross,
        )

    # --- the end --------------------------------------------------------------------------------------------

    def pay_wages(self) -> None:
        """The leader approves what reports have earned; the accountant makes the month's statements and confirms them.

        A factory without rates pays nobody by the piece or the hour, and has no such chapter.
        """
        if not db.one("SELECT EXISTS (SELECT 1 FROM wages_wageline)")[0]:
            return
        self.chapter("计件计时工资：审核、工资单、计提", "Piece and time wages: approval, statements, accrual")
        self.do("leader", "wages.line.approve")
        self.do("accountant", "wages.statement.prepare", month=self.now.date().isoformat())
        drafts = [r[0] for r in db.rows("SELECT id FROM wages_statement WHERE state = 'draft' ORDER BY id")]
        self.do("accountant", "wages.statement.confirm", drafts)
        lines, people, pieces, amount = db.one(
            """
            SELECT (SELECT count(*) FROM wages_approval), count(DISTINCT employee_id), sum(quantity), sum(amount)
            FROM wages_statement WHERE state = 'confirmed'
            """
        )
        self.told.figures["wages"] = amount
        self.fact(
            "审核工资明细 {lines} 条；{people} 人，合格 {pieces} 件，应付工资 {amount} 元",
            "Wage lines approved: {lines}; {people} people, {pieces} good pieces, {amount} CNY owed",
            lines=lines, people=people, pieces=pieces, amount=amount,
        )  # fmt: skip

    def close(self) -> None:
        """Work orders are closed; vouchers are made and checked by another accountant."""
        self.chapter(
            "关闭工单，汇总凭证，另一会计审核", "Work orders closed; vouchers, checked by another accountant"
        )
        self.do("planner", "production.work_order.close", self.told.work_orders)
        self.do("accountant", "finance.voucher.number")
        made = [r[0] for r in db.rows("SELECT id FROM finance_voucher WHERE state = 'made' ORDER BY no")]
        self.do("checker", "finance.voucher.check", made)
        dispatcher.wait_until_quiet(60)
        self.fact(
            "关闭工单 {n} 张；凭证 {made} 张，全部由另一人审核",
            "{n} work orders closed; {made} vouchers, all checked by another person",
            n=len(self.told.work_orders),
            made=len(made),
        )

    def show(self) -> None:
        """Show what the books and the shop say, each from its ledger."""
        self.chapter(
            "结果：追溯、成本、往来、试算平衡、验证",
            "Outcome: genealogy, cost, balance, trial balance, proofs",
        )
        figures = self.told.figures
        if self.told.traced_lot:
            figures |= outcome.tell_genealogy(self, self.told.traced_lot)
        figures |= outcome.tell_cost(self, self.plot.finished, self.told.work_orders)
        figures |= outcome.tell_receivable(self, self.customer, self.receivable)
        figures |= outcome.tell_books(self, self.now.year)
        figures |= outcome.tell_proofs(self)
        if figures["broken"]:
            raise AssertionError(f"not all proofs hold: {figures['broken'][:5]}")


#: Operations in order, each with its report ratio and people: its department's, else any that produce.
_OPERATIONS = """
    SELECT o.id, o.report_ratio, coalesce(
        (SELECT array_agg(e.id ORDER BY e.code) FROM people_employee e
         WHERE e.is_active AND e.department_id = c.department_id),
        (SELECT array_agg(e.id ORDER BY e.code) FROM people_employee e JOIN company_department d
         ON d.id = e.department_id WHERE e.is_active AND d.kind = 'production')),
           o.capture::text
    FROM production_operation o LEFT JOIN equipment_workcentre c ON c.id = o.work_centre_id
    WHERE o.work_order_id = %s AND o.state <> 'skipped' ORDER BY o.sequence
"""
_MADE = """
    SELECT (SELECT count(*) FROM production_workorder w WHERE w.id = ANY(%(orders)s)
            AND w.item_id IN (SELECT item_id FROM sales_orderline WHERE order_id = %(order)s)),
           count(*), count(DISTINCT x.lot_id),
           (SELECT count(DISTINCT c.lot_id) FROM production_completionline c JOIN production_completion p
            ON p.id = c.completion_id WHERE p.work_order_id = ANY(%(orders)s))
    FROM production_materialissueline x JOIN production_materialissue s ON s.id = x.issue_id
    WHERE s.work_order_id = ANY(%(orders)s)
"""
_REPORTED = """
    SELECT count(DISTINCT r.id), count(DISTINCT p ->> 'employee'), count(DISTINCT r.operation_id)
    FROM production_report r CROSS JOIN jsonb_array_elements(r.people) p
    WHERE r.work_order_id = ANY(%(orders)s)
"""


def measured(asked: str) -> dict[str, Any]:
    """Give what somebody enters who has found everything as it should be, for what an operation asks."""
    told = {}
    for one in capture.read(orjson.loads(asked)):
        if one.kind == "number":
            least = one.minimum or ZERO
            told[one.name] = plain((least + (least if one.maximum is None else one.maximum)) / 2)
        else:
            told[one.name] = one.choices[0] if one.choices else "A1"
    return told


def _planned_orders() -> list[tuple]:
    """Give the planned orders that nobody has decided upon, as the plan has them."""
    return db.rows(
        "SELECT id, kind, item_id, quantity, due_on, starts_on, supplier_id FROM planning_plannedorder "
        "WHERE state = 'planned' ORDER BY id"
    )


def _marks(tracking: str, name: str, line: UUID, quantity: Decimal) -> dict[str, Any]:
    """Give the lot or serial numbers on a delivery."""
    if tracking == "lot":
        return dict(lot_number=name, supplier_lot=f"S{str(line)[-6:]}")
    if tracking == "serial":
        return dict(serial_numbers=[f"{name}-{n:03}" for n in range(int(quantity))])
    return {}


# --- a factory from nothing ---------------------------------------------------------------------------------

NO_FACTORY = L("没有名为 {name} 的工厂；可用：{all}", "There is no factory {name}; choose one of {all}")
NOT_EMPTY = L(
    "数据库已有公司，故事只能在空库上讲", "The database holds a company; the story needs an empty one"
)
FACTORIES: dict[str, Callable[[Context, Teller], tuple[Plot, dict[str, UUID]]]] = {
    "demo": rongxi.set_up,
    "adventureworks": cycles.set_up,
}
#: What must be there before a factory is set up.
NEEDS: dict[str, Callable[[], None]] = {"adventureworks": cycles.require_records}


def main(factory: str = "demo", teller: Teller | None = None) -> int:
    """Fill an empty database and tell the story; give the exit code.

    Takes:  factory: demo, or adventureworks (its records are looked for beside the checkout)
    """
    if factory not in FACTORIES:
        return _refuse(NO_FACTORY.filled({"name": factory, "all": ", ".join(sorted(FACTORIES))}), 2)
    if db.one("SELECT EXISTS (SELECT 1 FROM company_company)")[0]:
        return _refuse(NOT_EMPTY, 1)
    fill(factory, teller or Terminal(CHAPTERS[factory]))
    return 0


def fill(factory: str, teller: Teller) -> Told:
    """Set a factory up in an empty database and tell its story; give what it came to.

    Raises: NoSource where the factory's records are missing; nothing is written then
    """
    if factory in NEEDS:
        NEEDS[factory]()
    now = datetime.now(UTC)
    begins = first_day(now)
    run = JobRun(kind=KIND, title_zh="演示工厂", title_en="Demo factory", state="running", created_at=now)
    JobRun.objects.bulk_create([run])
    plot, people = FACTORIES[factory](Context(SYSTEM, now=begins, through="story", program="story"), teller)
    story = Story(plot, people, begins=begins, teller=teller)
    told = story.tell()
    if factory == "demo":
        floor.tell(story)
    JobRun.objects.filter(pk=run.pk).update(state="done", finished_at=datetime.now(UTC))
    return told


def first_day(now: datetime) -> datetime:
    """Give when the story begins, so that it ends before now."""
    return (now - timedelta(days=45)).replace(hour=0, minute=0, second=0, microsecond=0)


def _refuse(why: Label, code: int) -> int:
    print(why, file=sys.stderr)
    return code


def is_unfinished() -> bool:
    """Say whether a story was begun and never ended; nobody has worked on such a database yet."""
    return JobRun.objects.filter(kind=KIND, state="running").exists()


def station() -> str:
    """Give the address, below the site's, that opens a station of the demo factory in one tap; empty without one."""
    if not JobRun.objects.filter(kind=KIND, state="done").exists():
        return ""
    return floor.link()


def logins() -> list[dict[str, str]]:
    """Give the demo factory's logins (zh, en, login, password); none where it is not the demo factory."""
    if not JobRun.objects.filter(kind=KIND, state="done").exists():
        return []
    from banyan.kernel.models import Role

    words = {r.code: (r.name_zh, r.name_en) for r in Role.objects.filter(code__in=ROLES)}
    known = set(User.objects.filter(login__in=ROLES, is_active=True).values_list("login", flat=True))
    return [
        {"zh": words[r][0], "en": words[r][1], "login": r, "password": PASSWORD}
        for r in ROLES if r in known and r in words
    ]  # fmt: skip
