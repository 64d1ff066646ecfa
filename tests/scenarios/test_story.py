"""The story, told on the demo factory and on real records: from a customer's order to the books.

It is told as the role that `banyan story` has, so that a missing grant is found here.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.demo import cycles, rongxi
from banyan.demo.story import CHAPTERS, fill, is_unfinished
from banyan.kernel import db, proofs, queries, registry
from banyan.kernel.models import User
from banyan.lib.errors import DomainError

CENT = D("0.01")
#: Statements of a page at most; records that a query is tried on, where it asks for one.
PAGE, TRIED = 30, 12
SIGNED = "sum(CASE l.side WHEN 'debit' THEN l.amount ELSE -l.amount END)"


class Aloud:
    """Prints the story and keeps its titles and facts."""

    def __init__(self):
        self.chapters, self.facts = [], []

    def chapter(self, title):
        self.chapters.append(title)
        print("==", title.zh, flush=True)

    def fact(self, text):
        self.facts.append(text)
        print("  ", text.zh, flush=True)


def tell_of(factory, teller):
    """Set a factory up and tell its story; a refusal fails the test in words."""
    try:
        told = fill(factory, teller)
    except DomainError as refusal:
        pytest.fail(f"{refusal.code}: {refusal} {refusal.data} {refusal.field_texts('en')}")
    assert db.one("SELECT current_user")[0] == "banyan_app"
    assert not is_unfinished()
    assert len(set(teller.chapters)) == CHAPTERS[factory]
    return told


def prove(told, plot, levels, made_levels):
    """Prove what the story must come to in any factory.

    Takes:  levels: how many lie below the finished item by its structure; made_levels: below its lot, which ends where
            parts were in stock
    """
    figures = told.figures
    assert figures["refused"] == "finance.credit_exceeded"
    assert figures["broken"] == []
    assert len(told.shipments) == 2
    assert len(told.payments) == 2
    assert told.rejected[1:] == (D(10), D(3))
    assert told.scrapped[1] == D(1)
    assert figures["parts"] > figures["supplied"] > 0
    assert figures["depth"] == made_levels
    assert figures["whereabouts"] > 0
    assert len(figures["customers"]) == 1
    debit, credit, closing = figures["trial"]
    assert debit == credit
    assert closing == 0
    made, checked = figures["vouchers"]
    assert made == checked > 0
    invoice, credit_note = (
        db.one("SELECT gross_amount FROM finance_customerinvoice WHERE id = %s", [key])[0]
        for key in (told.invoices[0], told.credit_note)
    )
    assert credit_note < 0 < invoice
    assert figures["receivable"] == figures["receivable_explained"]
    assert set(figures["unit_cost"]) >= {"直接材料", "直接人工", "机器费用"}
    assert min(figures["unit_cost"].values()) > 0
    open_orders = "SELECT count(*) FROM production_workorder WHERE id = ANY(%s) AND state <> 'closed'"
    assert db.one(open_orders, [told.work_orders])[0] == 0
    an_urgent_order_is_promised(told, plot)
    bought = what_is_short_is_made_and_bought(told)
    goods_come_in_two_deliveries(bought)
    three_of_ten_are_rejected(bought)
    issues_name_lots(told, bought)
    several_people_report(told)
    one_piece_is_scrapped(told, plot)
    finished_lots_are_received(told, plot)
    goods_go_out_in_two_parcels(told)
    invoices_bear_vat(told)
    two_payments_settle_the_invoice(told)
    one_piece_comes_back(told, plot)
    the_structure_has_levels(told, plot, levels, made_levels)
    the_cost_of_a_piece_is_that_of_the_ledgers(told, plot)
    the_books_balance()


def an_urgent_order_is_promised(told, plot):
    """Three lines, the plan told of one that is urgent; each has a day, and the order that of the last."""
    lines = db.rows(
        """
        SELECT l.id, i.code, l.promised_on, o.promised_on, o.ordered_on
        FROM sales_orderline l JOIN sales_order o ON o.id = l.order_id JOIN items_item i ON i.id = l.item_id
        WHERE o.id = %s ORDER BY l.position
        """,
        [told.order],
    )
    assert [line[1] for line in lines] == [wish.item for wish in plot.lines]
    assert len(lines) == 3
    assert None not in {line[2] for line in lines}
    assert {line[3] for line in lines} == {max(line[2] for line in lines)}
    assert min(line[2] for line in lines) >= lines[0][4]
    (urgent,) = (wish.item for wish in plot.lines if wish.is_urgent)
    told_of = {row[0] for row in db.rows("SELECT unnest(rush) FROM planning_run WHERE NOT is_trial")}
    assert [line[1] for line in lines if line[0] in told_of] == [urgent]
    assert len(told_of) == 1
    rushed = db.rows(
        """
        SELECT DISTINCT i.code FROM production_workorder w JOIN sales_orderline l ON l.item_id = w.item_id
        JOIN items_item i ON i.id = w.item_id
        WHERE l.order_id = %s AND w.id = ANY(%s) AND w.priority = 'urgent'
        """,
        [told.order, told.work_orders],
    )
    assert rushed == [(urgent,)]


def what_is_short_is_made_and_bought(told):
    """The plan's orders became work orders for finished goods and for what goes into them, and purchase orders.

    Gives:  the purchase orders
    """
    became = defaultdict(set)
    for noun, key, kind in db.rows(
        "SELECT p.result_noun, p.result, i.kind FROM planning_plannedorder p JOIN items_item i ON i.id = p.item_id "
        "WHERE p.result IS NOT NULL"
    ):
        became[noun, kind].add(key)
    assert set(became) == {("production.work_order", "made"), ("purchasing.order", "bought")}
    made, bought = became["production.work_order", "made"], became["purchasing.order", "bought"]
    assert made == set(told.work_orders)
    assert bought == set(told.purchase_orders)
    finished, parts = db.one(
        """
        SELECT count(*) FILTER (WHERE item_id = ANY(%(sold)s)),
               count(*) FILTER (WHERE item_id <> ALL(%(sold)s) AND item_id IN (
                   SELECT m.item_id FROM production_material m WHERE m.work_order_id = ANY(%(made)s))
                   AND EXISTS (SELECT FROM production_material m WHERE m.work_order_id = w.id))
        FROM production_workorder w WHERE id = ANY(%(made)s)
        """,
        {"made": list(made), "sold": [
            row[0] for row in db.rows("SELECT item_id FROM sales_orderline WHERE order_id = %s", [told.order])
        ]},
    )  # fmt: skip
    assert finished > 0
    assert parts > 0
    return list(bought)


def goods_come_in_two_deliveries(bought):
    """Each purchase order of more than a single piece came in two deliveries on two days, all of it."""
    rows = db.rows(
        """
        SELECT count(DISTINCT r.id), count(DISTINCT r.arrived_on), count(DISTINCT r.delivery_note),
               max(l.stock_quantity) > 1, sum(l.open_quantity), bool_and(r.state = 'booked')
        FROM purchasing_order o JOIN purchasing_orderline l ON l.order_id = o.id
        LEFT JOIN purchasing_receipt r ON r.order_id = o.id WHERE o.id = ANY(%s) GROUP BY o.id
        """,
        [bought],
    )
    parted = [row for row in rows if row[3]]
    assert len(parted) > 0
    assert {row[:3] for row in parted} == {(2, 2, 2)}
    assert {row[4:] for row in rows} == {(D(0), True)}


def three_of_ten_are_rejected(bought):
    """Of one lot of ten, three were rejected for a reason and lie among the rejected; of no other lot any."""
    (row,) = db.rows(
        """
        SELECT x.quantity, x.accepted_quantity, x.rejected_quantity, x.reject_reason, x.lot_id
        FROM purchasing_receiptline x JOIN purchasing_receipt r ON r.id = x.receipt_id
        WHERE r.order_id = ANY(%s) AND x.rejected_quantity <> 0
        """,
        [bought],
    )
    *counts, reason, lot = row
    assert counts == [D(10), D(7), D(3)]
    assert reason
    lying = "SELECT sum(on_hand) FROM inventory_balance WHERE lot_id = %s AND kind = 'rejected'"
    assert db.one(lying, [lot])[0] == D(3)


def issues_name_lots(told, bought):
    """What is traced by lot is issued by lot, of the lots that came in as well."""
    unnamed, lots, new = db.one(
        """
        SELECT count(*) FILTER (WHERE i.tracking <> 'none' AND x.lot_id IS NULL), count(DISTINCT x.lot_id),
               count(DISTINCT x.lot_id) FILTER (WHERE x.lot_id IN (
                   SELECT g.lot_id FROM purchasing_receiptline g JOIN purchasing_receipt r ON r.id = g.receipt_id
                   WHERE r.order_id = ANY(%(bought)s)))
        FROM production_materialissueline x JOIN production_materialissue s ON s.id = x.issue_id
        JOIN items_item i ON i.id = x.item_id WHERE s.work_order_id = ANY(%(orders)s)
        """,
        {"orders": told.work_orders, "bought": bought},
    )
    assert unnamed == 0
    assert lots > new > 0


def several_people_report(told):
    """Each operation on more than one piece was reported in parts, by more than one person."""
    rows = db.rows(
        """
        SELECT count(DISTINCT r.id), count(DISTINCT p ->> 'employee')
        FROM production_operation o JOIN production_workorder w ON w.id = o.work_order_id
        LEFT JOIN production_report r ON r.operation_id = o.id AND r.kind = 'good'
        LEFT JOIN LATERAL jsonb_array_elements(r.people) p ON true
        WHERE w.id = ANY(%s) AND w.quantity - w.scrapped_quantity >= 2 AND o.state <> 'skipped' GROUP BY o.id
        """,
        [told.work_orders],
    )
    assert len(rows) >= 10
    assert min(parts for parts, _ in rows) >= 2
    assert min(people for _, people in rows) >= 2


def one_piece_is_scrapped(told, plot):
    """One piece was scrapped for the reason that is named, and its order knows."""
    defects = db.rows(
        """
        SELECT r.quantity / o.report_ratio, (x ->> 'quantity')::numeric / o.report_ratio, d.code
        FROM production_report r JOIN production_operation o ON o.id = r.operation_id
        CROSS JOIN jsonb_array_elements(r.defects) x
        JOIN production_defectreason d ON d.id = (x ->> 'reason')::uuid
        WHERE r.work_order_id = ANY(%s) AND r.kind = 'scrap'
        """,
        [told.work_orders],
    )
    assert defects == [(D(1), D(1), plot.scrap_reason)]
    scrapped = "SELECT sum(scrapped_quantity) FROM production_workorder WHERE id = ANY(%s)"
    assert db.one(scrapped, [told.work_orders])[0] == D(1)


def finished_lots_are_received(told, plot):
    """What the work orders for the customer's goods say they made came to store in lots of their own."""
    rows = db.rows(
        """
        SELECT i.code, w.made_quantity = sum(c.quantity), bool_and(coalesce(t.origin = w.id, false))
        FROM production_workorder w JOIN items_item i ON i.id = w.item_id
        JOIN production_completion p ON p.work_order_id = w.id AND p.state = 'posted'
        JOIN production_completionline c ON c.completion_id = p.id AND c.item_id = w.item_id
        LEFT JOIN inventory_lot t ON t.id = c.lot_id AND t.item_id = w.item_id
        WHERE w.id = ANY(%s) AND w.item_id IN (SELECT item_id FROM sales_orderline WHERE order_id = %s)
        GROUP BY w.id, i.code
        """,
        [told.work_orders, told.order],
    )
    assert plot.finished in {row[0] for row in rows}
    assert {row[1:] for row in rows} == {(True, True)}


def goods_go_out_in_two_parcels(told):
    """Two shipments with waybills of their own; of each line a part went with each, in sum what was ordered."""
    parcels = db.rows(
        """
        SELECT DISTINCT s.id, s.state, s.tracking_number FROM sales_shipment s
        JOIN sales_shipmentline x ON x.shipment_id = s.id JOIN sales_orderline l ON l.id = x.order_line_id
        WHERE l.order_id = %s
        """,
        [told.order],
    )
    assert [state for _, state, _ in parcels] == ["shipped"] * 2
    assert len({waybill for *_, waybill in parcels if waybill}) == 2
    lines = db.rows(
        """
        SELECT sum(x.quantity) = l.stock_quantity, count(DISTINCT x.shipment_id)
        FROM sales_orderline l JOIN sales_shipmentline x ON x.order_line_id = l.id
        WHERE l.order_id = %s GROUP BY l.id
        """,
        [told.order],
    )
    assert lines == [(True, 2)] * 3


def invoices_bear_vat(told):
    """The invoice and its credit note bear 13 % of their net amount as tax, and the books owe it."""
    assert len(told.invoices) == 1
    for key in (*told.invoices, told.credit_note):
        net, tax, gross = db.one(
            "SELECT net_amount, tax_amount, gross_amount FROM finance_customerinvoice WHERE id = %s", [key]
        )
        lines = db.rows("SELECT net_amount, tax_amount FROM finance_customerinvoiceline WHERE invoice_id = %s", [key])
        assert (sum(line[0] for line in lines), sum(line[1] for line in lines)) == (net, tax)
        assert max(abs(line[1] - line[0] * 13 / 100) for line in lines) <= 2 * CENT  # a part of a rounded whole
        assert gross == net + tax
        assert abs(gross / net - D("1.13")) < D("0.00002")
        owed = db.one(
            f"SELECT -{SIGNED} FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id "
            "JOIN finance_account a ON a.id = l.account_id WHERE e.origin = %s AND a.code LIKE '2221%%'",
            [key],
        )
        assert owed == (tax,)


def two_payments_settle_the_invoice(told):
    """Two payments, both matched to the invoice in whole, are its gross amount, which came to the bank."""
    (key,) = told.invoices
    gross, settled = db.one("SELECT gross_amount, settled_amount FROM finance_customerinvoice WHERE id = %s", [key])
    rows = db.rows(
        """
        SELECT p.id, p.amount, sum(m.amount), p.state, p.direction
        FROM finance_matching m JOIN finance_payment p ON p.id = m.payment_id
        WHERE m.customer_invoice_id = %s GROUP BY p.id
        """,
        [key],
    )
    assert len(rows) == 2
    assert {row[3:] for row in rows} == {("posted", "in")}
    assert [row[1] for row in rows] == [row[2] for row in rows]
    assert sum(row[1] for row in rows) == gross == settled
    came = db.one(
        f"SELECT {SIGNED} FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id "
        "JOIN finance_account a ON a.id = l.account_id WHERE e.origin = ANY(%s) AND a.code LIKE '1002%%'",
        [[row[0] for row in rows]],
    )
    assert came == (gross,)


def one_piece_comes_back(told, plot):
    """Exactly one piece came back from the customer, and one is credited in red."""
    (row,) = db.rows(
        """
        SELECT i.code, x.quantity, r.state, x.lot_id, r.id FROM sales_returnline x
        JOIN sales_returnorder r ON r.id = x.return_order_id JOIN sales_orderline l ON l.id = x.order_line_id
        JOIN items_item i ON i.id = x.item_id WHERE l.order_id = %s
        """,
        [told.order],
    )
    *what, lot, key = row
    assert what == [plot.finished, D(1), "received"]
    assert lot == told.traced_lot
    moved = db.rows(
        "SELECT m.lot_id, m.quantity, s.kind FROM inventory_move m JOIN inventory_location s ON s.id = m.source_id "
        "WHERE m.origin = %s",
        [key],
    )
    assert moved == [(lot, D(1), "customer")]
    credited = db.rows(
        """
        SELECT n.id, n.kind, i.code, x.quantity FROM finance_customerinvoice n
        JOIN finance_customerinvoiceline x ON x.invoice_id = n.id JOIN items_item i ON i.id = x.item_id
        JOIN sales_orderline l ON l.id = x.order_line_id WHERE l.order_id = %s AND x.quantity < 0
        """,
        [told.order],
    )
    assert credited == [(told.credit_note, "credit", plot.finished, D(-1))]


def the_structure_has_levels(told, plot, levels, made_levels):
    """So many levels lie below the finished item by its bill of material, and below its lot as it was made."""
    (top,) = db.one("SELECT id FROM items_item WHERE code = %s", [plot.finished])
    uses = db.rows(
        """
        SELECT b.item_id, l.component_id FROM engineering_bom b JOIN engineering_bomline l ON l.bom_id = b.id
        WHERE b.state = 'released' AND coalesce(l.valid_from, '-infinity') <= CURRENT_DATE
          AND coalesce(l.valid_to, 'infinity') > CURRENT_DATE
        """
    )
    assert levels_below(top, uses) == levels
    edges = db.rows(
        """
        SELECT coalesce(e.output_lot_id, t.id), e.input_lot_id FROM inventory_genealogy e
        LEFT JOIN inventory_lot t ON e.output_lot_id IS NULL AND t.origin = e.origin
        """
    )
    assert levels_below(told.traced_lot, edges) == made_levels


def levels_below(top, edges):
    """Give the length of the longest way down from something along edges (whole, part)."""
    parts = defaultdict(set)
    for whole, part in edges:
        parts[whole].add(part)
    level, depth = {top}, -1
    while level:
        depth += 1
        assert depth < 10, "a circle"
        level = set().union(*(parts[one] for one in level))
    return depth


def the_cost_of_a_piece_is_that_of_the_ledgers(told, plot):
    """Material by the stock ledger, labour and machine by the reports: what the books say, and what a piece costs.

    What the pieces took to store, with the variance left at closing, is the same sum.
    """
    order, made = db.one(
        "SELECT w.id, w.made_quantity FROM production_workorder w JOIN items_item i ON i.id = w.item_id "
        "WHERE i.code = %s AND w.id = ANY(%s) ORDER BY w.made_quantity DESC LIMIT 1",
        [plot.finished, told.work_orders],
    )
    worth = "SELECT sum(v.amount + v.difference) FROM inventory_valueentry v JOIN inventory_move m ON m.id = v.move_id"
    (issued,) = db.one(f"{worth} WHERE m.origin_noun = 'production.work_order' AND m.origin = %s", [order])
    (completed,) = db.one(
        f"{worth} JOIN production_completion c ON c.id = m.origin "
        "WHERE m.origin_noun = 'production.completion' AND c.work_order_id = %s",
        [order],
    )
    labour, machine, overhead = db.one(
        "SELECT sum(labour_amount), sum(machine_amount), sum(overhead_amount) FROM production_report "
        "WHERE work_order_id = %s",
        [order],
    )
    spent = {"直接材料": -issued, "直接人工": labour, "机器费用": machine}
    assert overhead == 0
    assert min(spent.values()) > 0
    posted = f"""
        SELECT {{}}, {SIGNED} FROM finance_entryline l JOIN finance_entry e ON e.id = l.entry_id
        JOIN finance_account a ON a.id = l.account_id WHERE l.work_order_id = %s AND a.kind = 'cost'
          AND e.event {{}} ('completion', 'production_variance') GROUP BY 1
    """
    assert dict(db.rows(posted.format("a.name", "NOT IN"), [order])) == spent
    left = dict(db.rows(posted.format("e.event", "IN"), [order]))
    assert left["completion"] == -completed
    assert completed - left.get("production_variance", 0) == sum(spent.values())
    each = {name: (amount / made).quantize(CENT) for name, amount in spent.items()}
    assert told.figures["unit_cost"] == each


def the_books_balance():
    """Each entry balances, and so does the whole; nobody checked a voucher of their own; every proof holds."""
    lines, difference = db.one(f"SELECT count(*), {SIGNED} FROM finance_entryline l")
    assert lines > 0
    assert difference == 0
    assert db.rows(f"SELECT l.entry_id FROM finance_entryline l GROUP BY l.entry_id HAVING {SIGNED} <> 0") == []
    own = "SELECT count(*) FROM finance_voucher WHERE checked_by IS NULL OR checked_by = made_by OR state <> 'checked'"
    assert db.one(own)[0] == 0
    verdicts = proofs.run()
    assert len(verdicts) > 50
    assert [(v.proof.key, fault.text) for v in verdicts for fault in v.found.faults] == []


def every_query_takes_few_statements():
    """The page of every query takes at most 30 statements on what the story left, asked of its latest records."""
    browser, most, answered = Client(), {}, set()
    browser.force_login(User.objects.filter(roles__role__code="admin").first())
    for asked in queries.queries():
        wanted = {
            name: registry.noun(field.json_schema_extra["x-banyan"]["reference"]).model._base_manager
            for name, field in (asked.input.model_fields if asked.input else {}).items()
            if field.is_required()
        }
        latest = [rows.order_by("-pk").values_list("pk", flat=True)[:TRIED] for rows in wanted.values()]
        for keys in zip(*latest, strict=False) if wanted else [()]:
            told = "&".join(f"{name}={key}" for name, key in zip(wanted, keys, strict=True))
            with CaptureQueriesContext(connection) as seen:
                page = browser.get(f"/queries/{asked.key}?{told}")
            assert page.status_code == 200, asked.key
            most[asked.key] = max(len(seen), most.get(asked.key, 0))
            if b"<tr" in page.content:
                answered.add(asked.key)
    print(f"{len(most)} queries, {len(answered)} with rows, at most {max(most.values())} statements")
    assert {key: count for key, count in most.items() if count > PAGE} == {}
    assert len(answered) > 24


@pytest.fixture
def aloud(live_db, app_role, settings, tmp_path):
    settings.BANYAN_AUDIT_HEAD = tmp_path / "head.json"
    settings.BANYAN_EXCHANGE_FOLDER = tmp_path / "exchange"
    return Aloud()


def test_the_story_of_the_demo_factory(aloud):
    """One pass, because it is long: each figure is what the chapters must come to, told in both languages."""
    told = tell_of("demo", aloud)
    prove(told, rongxi.PLOT, levels=3, made_levels=3)
    assert len(told.work_orders) >= 20
    every_query_takes_few_statements()
    for text in (*aloud.chapters, *aloud.facts):
        assert "{" not in text.zh + text.en


@pytest.mark.slow("the records of AdventureWorks")
@pytest.mark.timeout(900)
def test_the_story_of_the_bicycle_maker(aloud, needs):
    """The same story on the whole AdventureWorks set; its records must lie beside the checkout.

    The plan finds parts out of use and parts at line sides; the factory takes up again and fetches them.
    """
    needs(cycles.RECORDS.is_dir(), "the records of AdventureWorks; set BANYAN_ADVENTUREWORKS to their folder")
    told = tell_of("adventureworks", aloud)
    prove(told, cycles.PLOT, levels=4, made_levels=4)
    assert told.taken_up == ["FK-9939", "FW-M762", "HS-2451", "RW-M762"]
    assert told.fetched > 30
    codes = "SELECT count(DISTINCT i.code) FROM production_workorder w JOIN items_item i ON i.id = w.item_id"
    assert db.one(codes)[0] >= 14
    left = "SELECT count(*), count(*) FILTER (WHERE priority <> 'safety') FROM planning_plannedorder"
    waiting, for_customers = db.one(f"{left} WHERE state = 'planned'")
    assert waiting > 100
    assert for_customers == 0
