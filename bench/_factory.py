"""The factory that is measured: made through the commands a user has, books on; bulk rows come by SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from banyan.config import database
from banyan.kernel import db, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.kernel.models import User

PASSWORD = "measured-and-durable"
WEEK = [{"weekday": n, "starts_at": "08:00", "ends_at": "17:00"} for n in range(5)]
PARTS, OPERATIONS = 5, 3
FOUND = {"青龙": 5_000, "朱雀": 20}
NOT_FOUND = "麒麟"


class Factory:
    """A small factory with its books, an administrator, and what each figure needs of goods and orders."""

    def __init__(self) -> None:
        self.ctx = Context(SYSTEM, now=timezone.now(), through="cli", program="bench")
        self.today: date = self.ctx.now.date()
        self._count = 0

    # commands

    def make(self, noun: str, *records: Mapping[str, Any]) -> list[UUID]:
        """Create records in one command; give their keys."""
        data = {"records": list(records)}
        return list(execute(self.context(), registry.command(f"{noun}.create"), data=data).ids)

    def do(self, command: str, ids: Iterable[UUID] = (), **data: Any) -> Any:
        """Run a command; give what its function gave."""
        return execute(self.context(), registry.command(command), ids=tuple(ids), data=data or None).value

    def context(self) -> Context:
        """Give the circumstances of the system, now."""
        return self.ctx.with_(now=timezone.now())

    # masters

    def set_up(self) -> None:
        """Make company, books, parties, items, structure, and the administrator."""
        (self.currency,) = self.make("company.currency", dict(code="CNY", name="人民币"))
        (self.company,) = self.make(
            "company.company", dict(code="B1", name="量测有限公司", currency=str(self.currency))
        )
        (self.calendar,) = self.make("company.calendar", dict(code="DAY", name="白班", shifts=WEEK))
        (self.plant,) = self.make(
            "company.plant",
            dict(code="P1", name="一厂", company=str(self.company), calendar=str(self.calendar)),
        )
        (self.unit,) = self.make("company.unit", dict(code="pcs", name="件", places=0))
        (self.tax,) = self.make(
            "company.tax_code", dict(code="VAT13", name="增值税13%", rate="13", kind="vat")
        )
        (self.department,) = self.make(
            "company.department", dict(code="D1", name="车间", plant=str(self.plant))
        )
        (self.customer,) = self.make(
            "parties.party",
            dict(code="C1", name="远山机械", is_customer=True, tax_code=str(self.tax), payment_days=30),
        )
        self.do("inventory.location.make_standing", plant=str(self.plant))
        self.do("finance.account.install", chart="cas_small")
        for year in (self.today.year, self.today.year + 1):
            self.do("finance.period.open_year", year=year)
        self._make_items()
        self._make_structure()
        self._make_user()

    def _make_items(self) -> None:
        self.product, *self.goods = self.make(
            "items.item",
            self._item("FG-1", "减速机", kind="made", tracking="lot"),
            self._item("FG-2", "法兰"),
            self._item("FG-3", "支架"),
        )
        self.parts = self.make("items.item", *(self._item(f"P-{n}", f"零件{n}") for n in range(PARTS)))
        (self.scarce,) = self.make("items.item", self._item("FG-4", "热销件"))
        self.receive({part: 10**11 for part in (*self.parts, *self.goods)})

    def _item(self, code: str, name: str, **more: Any) -> dict[str, Any]:
        return dict(code=code, name=name, unit=str(self.unit), kind="bought", is_sold=True) | more

    def _make_structure(self) -> None:
        (centre,) = self.make(
            "equipment.work_centre",
            dict(
                code="WC1",
                name="机加工",
                plant=str(self.plant),
                department=str(self.department),
                labour_rate="36",
                machine_rate="48",
                overhead_rate="12",
            ),
        )
        (bom,) = self.make(
            "engineering.bom",
            dict(
                item=str(self.product),
                revision="A",
                lines=[dict(component=str(part), quantity="1") for part in self.parts],
            ),
        )
        (routing,) = self.make(
            "engineering.routing",
            dict(
                item=str(self.product),
                revision="A",
                operations=[
                    dict(
                        sequence=10 * n,
                        name=f"工序{n}",
                        work_centre=str(centre),
                        setup_minutes="5",
                        run_minutes="2",
                    )
                    for n in range(1, OPERATIONS + 1)
                ],
            ),
        )
        self.do("engineering.bom.release", [bom])
        self.do("engineering.routing.release", [routing])

    def _make_user(self) -> None:
        from banyan.ops import roles

        roles.write_defaults(self.ctx)
        (self.user,) = self.make("kernel.user", dict(login="bench", name="量测"))
        User.objects.filter(pk=self.user).update(
            password=make_password(PASSWORD), is_superuser=True, plants=[self.plant], language="zh"
        )
        issued = self.do("kernel.token.issue", name="bench", user=str(self.user))
        self.token = issued.token.get_secret_value()

    def receive(self, quantities: Mapping[UUID, int]) -> None:
        """Put goods in stock, at ten a piece."""
        (document,) = self.make(
            "inventory.stock_document",
            dict(
                kind="adjustment",
                plant=str(self.plant),
                reason="opening",
                lines=[dict(item=str(i), quantity=str(q), amount=str(10 * q)) for i, q in quantities.items()],
            ),
        )
        self.do("inventory.stock_document.post", [document])

    # what single figures need

    def order(self, *lines: tuple[UUID, int]) -> dict[str, Any]:
        """Give a sales order as a client sends it."""
        return dict(
            party=str(self.customer),
            plant=str(self.plant),
            ordered_on=self.today.isoformat(),
            lines=[dict(item=str(item), quantity=str(quantity), price="100") for item, quantity in lines],
        )

    def work_order(self, quantity: int) -> dict[str, Any]:
        """Give a work order as a client sends it."""
        return dict(
            item=str(self.product),
            quantity=str(quantity),
            plant=str(self.plant),
            due_on=self.today.isoformat(),
        )

    def released_orders(self, count: int, quantity: int = 1_000_000) -> list[UUID]:
        """Make work orders large enough for any number of reports, and release them."""
        made = self.make("production.work_order", *(self.work_order(quantity) for _ in range(count)))
        self.do("production.work_order.release", made, check_kit=False)
        return made

    def operations_of(self, orders: Sequence[UUID]) -> list[UUID]:
        """Give the operations of orders, in their sequence."""
        rows = db.rows(
            "SELECT id FROM production_operation WHERE work_order_id = ANY(%s) ORDER BY sequence, "
            "work_order_id",
            [list(orders)],
        )
        return [row[0] for row in rows]

    def drafts(self, count: int, item: UUID) -> list[UUID]:
        """Make orders of one piece each."""
        return self.make("sales.order", *(self.order((item, 1)) for _ in range(count)))

    def new_item(self, stock: int = 0) -> UUID:
        """Make one more item, with so many pieces in stock."""
        self._count += 1
        (made,) = self.make("items.item", self._item(f"N-{self._count}", f"新品{self._count}"))
        if stock:
            self.receive({made: stock})
        return made

    # bulk, by SQL and past the triggers: nobody's history is measured here

    def many_orders(self, count: int = 100_000) -> None:
        """Write orders, some with terms to search for, spread over a year."""
        terms = " ".join(
            f"WHEN n %% {count // hits} = {place} THEN '项目{term}' || n"
            for place, (term, hits) in enumerate(FOUND.items())
        )
        values = {"user": self.user, "party": self.customer, "plant": self.plant, "currency": self.currency}
        by_owner(
            f"""
            INSERT INTO sales_order (id, version, created_at, created_by_id, changed_at, changed_by_id,
            number, party_id,
                plant_id, currency_id, exchange_rate, state, ordered_on, priority, customer_reference,
                address, terms,
                cancel_reason, net_amount, tax_amount, gross_amount)
            SELECT gen_random_uuid(), 1, at, %(user)s, at, %(user)s, 'OLD' || n, %(party)s, %(plant)s,
            %(currency)s, 1,
                   'closed', at::date, 'normal', CASE {terms} ELSE '订单' || n END, '', '', '', 100, 13, 113
            FROM generate_series(1, %(count)s) n, LATERAL (SELECT now() - n * interval '5 minutes' AS at) t
            """,
            values | {"count": count},
            "sales_order",
        )

    def many_edges(self, count: int = 1_000_000) -> UUID:
        """Write lots and genealogy, at least so many edges: of ten levels of fifty lots each, every lot went into
        five of the next level.

        Gives:  a lot of a lowest level
        """
        lots = -(-count // _BLOCK_EDGES) * _BLOCK_LOTS
        index = db.one("SELECT indexdef FROM pg_indexes WHERE indexname = 'inventory_lot_find'")[0]
        by_owner("DROP INDEX inventory_lot_find", {}, "inventory_lot")  # built at once, afterwards
        by_owner(
            f"""
            INSERT INTO inventory_lot (id, version, created_at, changed_at, item_id, number, state, reason,
            supplier_lot,
                                       heat_number, origin_noun)
            SELECT {_lot("n")}, 1, now(), now(), %(item)s, 'T' || n, 'released', '', '', '', ''
            FROM generate_series(0, %(lots)s - 1) n
            """,
            {"item": self.parts[0], "lots": lots},
            "inventory_lot",
        )
        by_owner(index, {}, "inventory_lot")
        by_owner(
            f"""
            INSERT INTO inventory_genealogy (id, input_lot_id, output_lot_id, quantity, origin_noun, origin,
            at)
            SELECT gen_random_uuid(), {_lot("n")}, {_lot("(n / 50 + 1) * 50 + mod(n * 5 + side, 50)")}, 1,
                   'production.work_order', gen_random_uuid(), now()
            FROM generate_series(0, %(lots)s - 1) n, generate_series(0, 4) side WHERE mod(n / 50, 10) < 9
            """,
            {"lots": lots},
            "inventory_genealogy",
        )
        return UUID(int=_LOT_BASE + 500)


_LOT_BASE = 0x00000000_0000_4000_8000_000000000000
#: Ten levels of fifty lots, of which the highest goes into nothing.
_BLOCK_LOTS, _BLOCK_EDGES = 10 * 50, 9 * 50 * 5


def _lot(number: str) -> str:
    """Give the SQL of the key of the lot with a number."""
    return f"('00000000-0000-4000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


def by_owner(sql: str, values: Mapping[str, Any], table: str) -> None:
    """Write rows as the cluster's superuser, past triggers, and let the statistics know."""
    with psycopg.connect(database.embedded().url("postgres", database.DATABASE)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(sql, values)
        connection.execute(f"ANALYZE {table}")
