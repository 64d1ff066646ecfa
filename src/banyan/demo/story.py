"""The story: from a customer's order to the books, told through the commands people use, each by its person.

`main` fills an empty factory, tells the story, and proves its figures; the scenario tests tell the same one.
A clock moves through working days up to now, so that dates look as they would.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from banyan.kernel import access, db, dispatcher, proofs, registry
from banyan.kernel.commands import Outcome, execute
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import JobRun, User
from banyan.lib.errors import DomainError
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.finance import queries as books
from banyan.modules.inventory import queries as stock
from banyan.modules.production.errors import NotKitted

KIND = "demo.story"
#: The password of every login of the demo factory; shown at the start, never used for a real one.
PASSWORD = "banyan-demo"
ROLES = ("worker", "leader", "planner", "warehouse", "sales", "accountant", "buyer", "quality", "boss", "admin")
ZERO = Decimal(0)


class Teller(Protocol):
    """Told what happens: a chapter begins, a fact was proved."""

    def chapter(self, title: str) -> None: ...
    def fact(self, what: str, figure: str) -> None: ...


class Silent:
    """Tells nobody."""

    def chapter(self, title: str) -> None:
        """Do nothing."""

    def fact(self, what: str, figure: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Wanted:
    """A line of the customer's order; the price of the list where none is told."""

    item: str
    quantity: Decimal
    in_days: int
    price: Decimal | None = None


@dataclass(frozen=True)
class Plot:
    """What differs between factories: who orders what, and what goes wrong where.

    Takes:  finished: the item whose history is told; spoilt: an item made on the way of which one piece is scrapped;
            faulty: a bought item, of one lot of which `rejected` of ten fail the inspection
    """

    customer: str
    lines: tuple[Wanted, ...]
    finished: str
    tax: Decimal = Decimal("13")


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
    traced_lot: UUID | None = None
    waiting: dict[UUID, list[str]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


class Story:
    """Tells a plot on a factory that is set up: `tell` runs the chapters in order."""

    def __init__(
        self, plot: Plot, people: Mapping[str, UUID], *, begins: datetime, teller: Teller | None = None
    ) -> None:
        self.plot, self.teller, self.told = plot, teller or Silent(), Told()
        self.now = begins
        self.actors = {role: access.principal_of(user) for role, user in people.items()}

    # --- who and when ---------------------------------------------------------------------------------------

    def ctx(self, role: str, **more: Any) -> Context:
        """Give the circumstances of a role's person, some minutes later than before."""
        self.now += timedelta(minutes=3)
        return Context(self.actors[role], now=self.now, through="story", program="story", **more)

    def sleep(self, days: int) -> None:
        """Let days pass, to eight in the morning, plant time."""
        self.now = (self.now + timedelta(days=days)).replace(hour=0, minute=0)

    def do(self, role: str, command: str, ids: Iterable[UUID] = (), consents: Iterable[str] = (), **data: Any) -> Outcome:
        """Run a command as a role's person."""
        ctx = self.ctx(role, consents=frozenset(consents))
        return execute(ctx, registry.command(command), ids=tuple(ids), data=data or None)

    def tell(self) -> Told:
        """Tell the whole story; give what it came to."""
        self.take_order()
        self.plan()
        for _ in range(4):                      # each plan covers what the last round left short: scrap, rejects
            self.buy()
            self.make()
            if not self.plan_again():
                break
        if self.told.waiting:
            self.fact("仍缺料的工单", [len(self.told.waiting), sorted({m for one in self.told.waiting.values() for m in one})[:5]])
        self.ship()
        self.invoice()
        self.take_back()
        self.close()
        self.show()
        return self.told

    # --- chapters -------------------------------------------------------------------------------------------

    def take_order(self) -> None:
        """Sales enters the order, hears of the credit limit, confirms, promises dates."""
        self.teller.chapter("销售订单：录入、信用检查、确认、承诺交期")
        party = self.key("parties.party", self.plot.customer)
        plant = db.one("SELECT id FROM company_plant ORDER BY code LIMIT 1")[0]
        today = self.now.date()
        tax = str(db.one("SELECT id FROM company_taxcode WHERE rate = %s ORDER BY code LIMIT 1", [self.plot.tax])[0])
        order = dict(party=str(party), plant=str(plant), ordered_on=today.isoformat(), customer_reference=f"PO-{today:%m%d}-1",
                     wanted_on=(today + timedelta(days=max(w.in_days for w in self.plot.lines))).isoformat())
        lines = [
            dict(item=str(self.key("items.item", w.item)), quantity=str(w.quantity), tax_code=tax,
                 wanted_on=(today + timedelta(days=w.in_days)).isoformat()) | ({"price": str(w.price)} if w.price else {})
            for w in self.plot.lines
        ]
        huge = [line | {"quantity": str(Decimal(line["quantity"]) * 1000)} for line in lines]
        too_much = self.do("sales", "sales.order.create", records=[order | {"lines": huge}]).ids
        limit = db.one("SELECT credit_limit FROM parties_party WHERE id = %s", [party])[0]
        if limit is not None:
            self.told.figures["refused"] = self.refused("sales", "sales.order.confirm", too_much)
            self.fact("超出信用额度被拒绝", [limit])
        self.do("sales", "sales.order.delete", too_much)
        made = self.do("sales", "sales.order.create", records=[order | {"priority": "urgent", "lines": lines}])
        self.told.order = made.ids[0]
        self.do("sales", "sales.order.confirm", [self.told.order])
        self.do("planner", "sales.order.promise", [self.told.order])
        self.fact("订单金额（含税）", db.one("SELECT number, gross_amount FROM sales_order WHERE id = %s", [self.told.order]))

    def plan(self) -> None:
        """The planner runs the plan and turns planned orders into work and purchase orders; running twice changes nothing."""
        self.teller.chapter("计划：运算一遍，再算一遍不变，转工单和采购订单")
        self.do("planner", "planning.run.plan")
        first = self._planned()
        self.do("planner", "planning.run.plan")
        if self._planned() != first:
            raise AssertionError("the plan run twice differs")
        self.fact("计划订单", [len(first)])
        self._convert()

    def plan_again(self) -> bool:
        """Plan for what is short after scrap and rejects; say whether there was anything."""
        self.do("planner", "planning.run.plan")
        return self._convert() > 0

    def _planned(self) -> list[tuple]:
        """Give the planned orders; those of items out of use, or nobody's, stay with the planner as messages."""
        return db.rows(
            """
            SELECT p.id, p.item_id, p.quantity, p.due_on, p.starts_on FROM planning_plannedorder p
            JOIN items_item i ON i.id = p.item_id WHERE p.state = 'planned' AND i.is_active AND (p.kind = 'make' OR p.supplier_id IS NOT NULL)
            ORDER BY p.id
            """)

    def _convert(self) -> int:
        """Turn planned orders into orders; what has no supplier is bought by hand, what was out of use is taken up again."""
        planned = [row[0] for row in self._planned()]
        if planned:
            self.do("planner", "planning.planned_order.convert", planned)
        return len(planned) + self._take_up() + self._buy_by_hand()

    def _take_up(self) -> int:
        """Take items up again that were out of use and are needed after all."""
        needed = [r[0] for r in db.rows(
            "SELECT DISTINCT i.id FROM planning_plannedorder p JOIN items_item i ON i.id = p.item_id WHERE p.state = 'planned' AND NOT i.is_active")]
        if needed:
            self.do("planner", "items.item.activate", needed)
        return len(needed)

    def _buy_by_hand(self) -> int:
        """Order from a supplier of the buyer's choice what the plan found no supplier for, at what it last was worth."""
        rows = db.rows(
            """
            SELECT p.item_id, p.plant_id, sum(p.quantity), max(p.due_on) FROM planning_plannedorder p JOIN items_item i ON i.id = p.item_id
            WHERE p.state = 'planned' AND p.kind = 'buy' AND p.supplier_id IS NULL AND i.is_active
              AND NOT EXISTS (SELECT 1 FROM purchasing_orderline l WHERE l.item_id = p.item_id AND l.open_quantity > 0)
            GROUP BY 1, 2 ORDER BY 1
            """)
        if not rows:
            return 0
        supplier, currency = db.one("SELECT p.id, coalesce(p.currency_id, c.currency_id) FROM parties_party p, company_company c WHERE p.is_supplier AND p.is_active ORDER BY p.code LIMIT 1")
        tax = str(db.one("SELECT id FROM company_taxcode WHERE rate = %s ORDER BY code LIMIT 1", [self.plot.tax])[0])
        worth = stock.unit_costs(rows[0][1], [r[0] for r in rows])
        self.do("buyer", "purchasing.order.create", records=[dict(
            party=str(supplier), plant=str(rows[0][1]), currency=str(currency), ordered_on=self.now.date().isoformat(), lines=[
                dict(item=str(item), quantity=str(quantity), price=str(round(worth.get(item) or Decimal(1), 4)), tax_code=tax, wanted_on=due.isoformat())
                for item, _, quantity, due in rows])])
        return len(rows)

    def buy(self) -> None:
        """The buyer orders; goods come in two parts; of one lot, three of ten are rejected."""
        self.teller.chapter("采购：下单、供应商确认、分两次到货、一批 10 件拒收 3 件")
        drafts = [r[0] for r in db.rows("SELECT id FROM purchasing_order WHERE state = 'draft' AND NOT is_history ORDER BY created_at, id")]
        if not drafts:
            return
        self.do("buyer", "purchasing.order.order", drafts)
        for order in drafts:
            self.do("buyer", "purchasing.order.confirm", [order])
        self.told.purchase_orders += drafts
        self.sleep(2)
        self._receive(drafts, first=True)
        self.sleep(2)
        self._receive(drafts, first=False)

    def _receive(self, orders: Sequence[UUID], *, first: bool) -> None:
        """Receive half of each line at first, then the rest; quality books what is good and rejects what is not."""
        for order in orders:
            lines = []
            for line, item, tracking, open_, places in db.rows(
                """
                SELECT l.id, i.code, i.tracking, l.open_quantity, u.places FROM purchasing_orderline l
                JOIN items_item i ON i.id = l.item_id JOIN company_unit u ON u.id = i.unit_id
                WHERE l.order_id = %s AND l.open_quantity > 0 ORDER BY l.position
                """, [order],
            ):
                quantity = _half(open_, places) if first else open_
                lots = [(quantity, False)]
                if self.told.rejected is None and tracking == "lot" and quantity >= 10 and places == 0:
                    lots = [(Decimal(10), True), (quantity - 10, False)]
                for part, is_faulty in lots:
                    if part <= 0:
                        continue
                    row = dict(order_line=str(line), quantity=str(part))
                    if tracking == "lot":
                        row |= dict(lot_number=f"{item}-{self.now:%y%m%d}{'X' if is_faulty else ''}-{str(order)[-4:]}{len(lines)}",
                                    supplier_lot=f"S{str(line)[-6:]}")
                    elif tracking == "serial":
                        row["serial_numbers"] = [f"{item}-{str(line)[-4:]}-{first:d}{n:03}" for n in range(int(part))]
                    lines.append(row | {"faulty": is_faulty})
            if not lines:
                continue
            faulty = [row.pop("faulty") for row in lines]
            self.do("warehouse", "purchasing.order.receive", [order], lines=lines, delivery_note=f"DN-{str(order)[-6:]}-{1 if first else 2}")
            receipt = db.one("SELECT id FROM purchasing_receipt WHERE order_id = %s AND state = 'arrived' ORDER BY created_at DESC LIMIT 1", [order])[0]
            self._book(receipt, any(faulty))

    def _book(self, receipt: UUID, has_faulty: bool) -> None:
        lines = []
        for line, item, quantity, lot in db.rows(
            """
            SELECT r.id, i.code, r.quantity, r.lot_number FROM purchasing_receiptline r JOIN items_item i ON i.id = r.item_id
            WHERE r.receipt_id = %s ORDER BY r.position
            """, [receipt],
        ):
            bad = Decimal(3) if has_faulty and quantity == 10 and "X-" in lot and self.told.rejected is None else ZERO
            if bad:
                self.told.rejected = (item, quantity, bad)
            lines.append(dict(receipt_line=str(line), accepted=str(quantity - bad), rejected=str(bad), reason="尺寸超差" if bad else ""))
        self.do("quality", "purchasing.receipt.book", [receipt], lines=lines)
        if self.told.rejected and has_faulty:
            self.fact("拒收", self.told.rejected)

    def make(self) -> None:
        """Work orders from the lowest level up: release, issue by lot, report in parts by several people, receive."""
        self.teller.chapter("生产：下达、按批领料、多人分次报工、报废、完工入库")
        while ready := self._ready():
            for order in ready:
                self._make(order)
            self.sleep(1)

    def _ready(self) -> list[UUID]:
        """Give work orders not begun whose material is all in stock."""
        waiting = [r[0] for r in db.rows(
            "SELECT id FROM production_workorder WHERE state IN ('planned', 'firm') AND kind = 'standard' ORDER BY due_on, id")]
        found, self.told.waiting = [], {}
        for order in waiting:
            try:
                execute(self.ctx("planner"), registry.command("production.work_order.release"), ids=[order], data={}, dry_run=True)
            except NotKitted as refusal:
                self.told.waiting[order] = refusal.data["missing"]
                continue
            else:
                found.append(order)
        return found

    def _make(self, order: UUID) -> None:
        try:
            self.do("planner", "production.work_order.release", [order])
        except NotKitted:                                   # a sibling has just taken the material
            return
        self.told.work_orders.append(order)
        code, quantity, tracking = db.one(
            "SELECT i.code, w.quantity, i.tracking FROM production_workorder w JOIN items_item i ON i.id = w.item_id WHERE w.id = %s", [order])
        if db.one("SELECT count(*) FROM production_material WHERE work_order_id = %s AND NOT is_backflushed AND quantity > 0", [order])[0]:
            self.do("warehouse", "production.work_order.issue", [order])
        lot = f"{code}-{self.now:%y%m%d}-{str(order)[-4:]}"
        self._report(order, code, quantity, lot if tracking == "lot" else "")
        self._complete(order, code, tracking, lot)

    def _report(self, order: UUID, code: str, quantity: Decimal, lot: str) -> None:
        """Report every operation in two parts by two people; of one order one piece is scrapped at its first operation."""
        people = [str(r[0]) for r in db.rows("SELECT id FROM people_employee WHERE is_active ORDER BY code LIMIT 30")]
        reason = db.one("SELECT id FROM production_defectreason ORDER BY code LIMIT 1")[0]
        good = quantity
        spoils = self.told.scrapped is None and code != self.plot.finished and quantity >= 5
        for n, (operation, ratio) in enumerate(db.rows(
            "SELECT id, report_ratio FROM production_operation WHERE work_order_id = %s AND state <> 'skipped' ORDER BY sequence", [order])):
            start = (n * 7) % max(1, len(people) - 2)
            team = [dict(employee=e) for e in people[start:start + 2]]
            if spoils and n == 0:
                good -= 1
                self.told.scrapped = (order, Decimal(1))
                self.do("worker", "production.work_order.report", reports=[dict(
                    id=str(new_id()), operation=str(operation), kind="scrap", quantity=str(ratio), people=team[:1],
                    defects=[dict(reason=str(reason), quantity=str(ratio))])])
            part = _half(good, 0)
            for quantity_ in (part, good - part):
                if quantity_ > 0:
                    self.do("worker", "production.work_order.report", reports=[dict(
                        id=str(new_id()), operation=str(operation), kind="good", quantity=str(quantity_ * ratio), people=team,
                        output_lot=lot)])

    def _complete(self, order: UUID, code: str, tracking: str, lot: str) -> None:
        good = db.one(
            """
            SELECT CASE WHEN count(o.id) = 0 THEN max(w.quantity) ELSE round(min(o.good_quantity / o.report_ratio), 6) END
            FROM production_workorder w LEFT JOIN production_operation o ON o.work_order_id = w.id AND o.state <> 'skipped'
            WHERE w.id = %s
            """, [order])[0]
        if tracking == "serial":
            lines = [dict(quantity="1", lot=f"{code}-{str(order)[-4:]}-{n:03}") for n in range(1, int(good) + 1)]
        else:
            lines = [dict(quantity=str(good), lot=lot if tracking == "lot" else "")]
        self.do("warehouse", "production.work_order.complete", [order], lines=lines, is_last=True)

    def ship(self) -> None:
        """Two parcels: half of everything, then the rest."""
        self.teller.chapter("发货：分两个包裹")
        for first in (True, False):
            lines = []
            for line, item, tracking, open_ in db.rows(
                """
                SELECT l.id, l.item_id, i.tracking, l.open_quantity FROM sales_orderline l JOIN items_item i ON i.id = l.item_id
                WHERE l.order_id = %s AND l.open_quantity > 0 ORDER BY l.position
                """, [self.told.order],
            ):
                quantity = _half(open_, 0) if first else open_
                if quantity > 0:
                    lines.append(dict(order_line=str(line), quantity=str(quantity)))
            self.do("warehouse", "sales.order.ship", [self.told.order], lines=lines, tracking_number=f"SF{self.now:%m%d%H%M%S}")
            self.sleep(1)
        self.told.shipments = [r[0] for r in db.rows("SELECT DISTINCT s.shipment_id FROM sales_shipmentline s JOIN sales_orderline l ON l.id = s.order_line_id WHERE l.order_id = %s", [self.told.order])]
        self.fact("发货单", [len(self.told.shipments)])

    def invoice(self) -> None:
        """Invoice with VAT, paid in two payments; the suppliers' invoices are entered."""
        self.teller.chapter("开票（13% 增值税）、分两次收款、采购收票")
        self.told.invoices = list(self.do("accountant", "finance.customer_invoice.from_orders", orders=[str(self.told.order)]).ids)
        (key,) = self.told.invoices
        number, net, tax, gross, party, currency = db.one(
            "SELECT number, net_amount, tax_amount, gross_amount, party_id, currency_id FROM finance_customerinvoice WHERE id = %s", [key])
        self.fact("发票", (number, net, tax, gross))
        bank = db.one("SELECT id FROM finance_account WHERE code = '1002'")[0]
        first = (gross / 2).quantize(Decimal("0.01"))
        for amount in (first, gross - first):
            self.sleep(1)
            payment = self.do("accountant", "finance.payment.create", records=[dict(
                direction="in", party=str(party), paid_on=self.now.date().isoformat(), account=str(bank), currency=str(currency),
                amount=str(amount), reference=f"{number} 货款")]).ids[0]
            self.do("accountant", "finance.payment.post", [payment], invoices=[dict(invoice=str(key))])
            self.told.payments.append(payment)
        received = [r[0] for r in db.rows(
            "SELECT DISTINCT order_id FROM purchasing_orderline WHERE order_id = ANY(%s) AND received_quantity > returned_quantity + invoiced_quantity",
            [self.told.purchase_orders])]
        if received:
            self.do("accountant", "finance.supplier_invoice.from_orders", orders=[str(o) for o in received])

    def take_back(self) -> None:
        """One piece comes back; a red credit note follows."""
        self.teller.chapter("退货一件，红字发票")
        line, lot, location = db.one(
            """
            SELECT s.order_line_id, s.lot_id, s.location_id FROM sales_shipmentline s JOIN items_item i ON i.id = s.item_id
            LEFT JOIN inventory_lot t ON t.id = s.lot_id WHERE s.shipment_id = ANY(%s) AND i.code = %s
            ORDER BY t.origin = ANY(%s) DESC NULLS LAST, s.position LIMIT 1
            """, [self.told.shipments, self.plot.finished, self.told.work_orders])
        party, plant = db.one("SELECT party_id, plant_id FROM sales_order WHERE id = %s", [self.told.order])
        row = dict(order_line=str(line), quantity="1", outcome="inspection") | ({"lot": str(lot)} if lot else {})
        made = self.do("sales", "sales.return_order.create", records=[dict(
            party=str(party), plant=str(plant), reason="defective", note="运转异响", lines=[row])]).ids[0]
        self.do("warehouse", "sales.return_order.receive", [made])
        self.told.credit_note = self.do("accountant", "finance.customer_invoice.from_orders", orders=[str(self.told.order)]).ids[0]
        self.told.traced_lot = lot
        self.fact("红字发票", db.one("SELECT number, gross_amount FROM finance_customerinvoice WHERE id = %s", [self.told.credit_note]))

    def close(self) -> None:
        """Work orders are closed; vouchers are made and checked by another accountant."""
        self.teller.chapter("关闭工单，汇总凭证，另一会计审核")
        self.do("planner", "production.work_order.close", self.told.work_orders)
        self.do("accountant", "finance.voucher.number")
        made = [r[0] for r in db.rows("SELECT id FROM finance_voucher WHERE state = 'made' ORDER BY no")]
        self.do("checker", "finance.voucher.check", made)
        dispatcher.wait_until_quiet(60)

    def show(self) -> None:
        """Show what the books and the shop say, each from its ledger."""
        self.teller.chapter("结果")
        figures = self.told.figures
        if self.told.traced_lot:
            lot = self.told.traced_lot
            parts = [step.lot for step in stock.trace([lot], "up").steps]
            figures["parts"] = len(parts)
            figures["supplied"] = db.one(
                "SELECT count(*) FROM inventory_lot WHERE id = ANY(%s) AND supplier_id IS NOT NULL", [parts])[0]
            figures["whereabouts"] = len(stock.whereabouts([lot]))
            self.fact("成品批次追溯：组成批次 / 其中供应商批次 / 去向", (figures["parts"], figures["supplied"], figures["whereabouts"]))
        finished = db.one(
            """
            SELECT w.id, w.number, w.made_quantity FROM production_workorder w JOIN items_item i ON i.id = w.item_id
            WHERE i.code = %s AND w.id = ANY(%s) ORDER BY w.made_quantity DESC LIMIT 1
            """, [self.plot.finished, self.told.work_orders])
        elements = {code: amount for code, amount in db.rows(
            """
            SELECT a.name, sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)
            FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id JOIN finance_account a ON a.id = l.account_id
            WHERE l.work_order_id = %s AND a.kind = 'cost' AND e.event IN ('material_issue', 'conversion', 'material_return') GROUP BY a.name
            """, [finished[0]])}
        figures["unit_cost"] = {name: (amount / finished[2]).quantize(Decimal("0.01")) for name, amount in elements.items()}
        self.fact("成品单位成本构成", sorted(figures["unit_cost"].items()))
        party = self.key("parties.party", self.plot.customer)
        figures["receivable"] = books.account_balance("1122", party=party)
        self.fact("客户应收余额", [figures["receivable"]])
        rows = books.trial_balance(date(self.now.year, 1, 1), date(self.now.year, 12, 31))
        tops = [r for r in rows if len(r.code) == 4]
        figures["trial"] = (sum((r.debit for r in tops), ZERO), sum((r.credit for r in tops), ZERO), sum((r.closing for r in tops), ZERO))
        self.fact("试算平衡：借方发生、贷方发生、差额", figures["trial"])
        figures["vouchers"] = db.one("SELECT count(*), count(*) FILTER (WHERE state = 'checked') FROM finance_voucher")
        self.fact("凭证：张数、已审核", figures["vouchers"])
        verdicts = proofs.run()
        figures["broken"] = [(v.proof.key, f.text) for v in verdicts for f in v.found.faults]
        self.fact("verify", [f"{sum(v.is_green for v in verdicts)}/{len(verdicts)}", sum(v.found.counted for v in verdicts)])
        if figures["broken"]:
            raise AssertionError(f"not all proofs hold: {figures['broken'][:5]}")

    def refused(self, role: str, command: str, ids: Iterable[UUID], **data: Any) -> str:
        """Try what must be refused; give the refusal's code. Raises: AssertionError when it is not."""
        try:
            self.do(role, command, ids, **data)
        except DomainError as refusal:
            return refusal.code
        raise AssertionError(f"{command} was not refused")

    # --- helpers --------------------------------------------------------------------------------------------

    def key(self, noun_key: str, code: str) -> UUID:
        """Give the key of a record by its code."""
        from banyan.kernel.exchange import resolve

        found = resolve(noun_key, [code])[code]
        if found is None:
            raise LookupError(f"there is no {noun_key} {code}")
        return found

    def fact(self, what: str, values: Iterable[Any]) -> None:
        """Tell a figure."""
        self.teller.fact(what, "  ".join(str(v) for v in values))


def _half(quantity: Decimal, places: int) -> Decimal:
    """Give half of a quantity, rounded down to whole units of its places, at least one unit where there is one."""
    step = Decimal(1).scaleb(-places)
    half = (quantity / 2 // step) * step
    return half if half > 0 else min(quantity, step)


class Terminal:
    """Tells the story on the terminal, with the seconds each chapter took."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def chapter(self, title: str) -> None:
        """Print a chapter's title."""
        print(f"[{time.perf_counter() - self.began:6.1f} s] {title}", flush=True)

    def fact(self, what: str, figure: str) -> None:
        """Print a figure."""
        print(f"             {what}: {figure}", flush=True)


def main(factory: str = "demo", teller: Teller | None = None) -> int:
    """Fill an empty database and tell the story; give the exit code.

    Takes:  factory: demo, or adventureworks (its records are looked for beside the checkout)
    """
    from banyan.demo import cycles, rongxi

    factories: dict[str, Callable[[Context, Teller], tuple[Plot, dict[str, UUID]]]] = {
        "demo": rongxi.set_up, "adventureworks": cycles.set_up,
    }
    if factory not in factories:
        print(L("没有名为 {f} 的工厂；可用：{all}", "There is no factory {f}; choose one of {all}").filled(
            {"f": factory, "all": sorted(factories)}), file=sys.stderr)
        return 2
    if db.one("SELECT EXISTS (SELECT 1 FROM company_company)")[0]:
        print(L("数据库已有公司，故事只能在空库上讲", "The database holds a company; the story needs an empty one"), file=sys.stderr)
        return 1
    teller = teller or Terminal()
    now = datetime.now(UTC)
    begins = (now - timedelta(days=45)).replace(hour=0, minute=0, second=0, microsecond=0)
    run = JobRun(kind=KIND, title_zh="演示工厂", title_en="Demo factory", state="running", created_at=now)
    JobRun.objects.bulk_create([run])
    plot, people = factories[factory](Context(SYSTEM, now=begins, through="story", program="story"), teller)
    Story(plot, people, begins=begins, teller=teller).tell()
    JobRun.objects.filter(pk=run.pk).update(state="done", finished_at=datetime.now(UTC))
    return 0


def is_unfinished() -> bool:
    """Say whether a story was begun and never ended; nobody has worked on such a database yet."""
    return JobRun.objects.filter(kind=KIND, state="running").exists()


def logins() -> list[dict[str, str]]:
    """Give the demo factory's logins (zh, en, login, password); none where it is not the demo factory."""
    if not JobRun.objects.filter(kind=KIND, state="done").exists():
        return []
    from banyan.kernel.models import Role

    words = {r.code: (r.name_zh, r.name_en) for r in Role.objects.filter(code__in=ROLES)}
    known = set(User.objects.filter(login__in=ROLES, is_active=True).values_list("login", flat=True))
    return [
        {"zh": words[r][0], "en": words[r][1], "login": r, "password": PASSWORD} for r in ROLES if r in known and r in words
    ]
