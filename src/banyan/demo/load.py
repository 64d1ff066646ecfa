"""Load the demo factory's files through the commands a user has.

Each file of factory/ is one noun (README.md); `Loader.make` turns its rows into a noun's create. Codes are
resolved to records as an import does it. Nothing is written past a command.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from banyan.kernel import exchange, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context

FACTORY = Path(__file__).parent / "factory"
Row = dict[str, str]
Step = Callable[[str, int], None]


def rows(name: str, folder: Path = FACTORY) -> list[Row]:
    """Give the rows of a file; empty cells are empty strings."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def grouped(name: str, *keys: str) -> dict[tuple[str, ...], list[Row]]:
    """Give a file's rows by the values of its key columns, in file order."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows(name):
        found[tuple(row[k] for k in keys)].append(row)
    return found


def filled(**values: Any) -> dict[str, Any]:
    """Give the values that are filled in."""
    return {k: v for k, v in values.items() if v not in ("", None)}


def yes(text: str) -> bool:
    return text == "true"


class Loader:
    """Creates records and remembers their keys by code."""

    def __init__(self, ctx: Context, tell: Step = lambda what, count: None) -> None:
        self.ctx, self.tell = ctx, tell
        self.keys: dict[str, dict[str, UUID]] = defaultdict(dict)

    def make(self, noun_key: str, records: Sequence[Mapping[str, Any]]) -> list[UUID]:
        """Create records in one command; give their keys in order."""
        if not records:
            return []
        noun = registry.noun(noun_key)
        made = execute(self.ctx, registry.command(f"{noun_key}.create"), data={"records": list(records)}).ids
        natural = noun.spec.natural_key
        for key, record in zip(made, records, strict=True):
            if natural and natural in record:
                self.keys[noun_key][str(record[natural])] = key
        self.tell(str(noun.spec.plural), len(made))
        return list(made)

    def do(self, command: str, ids: Iterable[UUID] = (), **data: Any) -> Any:
        """Run a command; give what its function gave."""
        return execute(self.ctx, registry.command(command), ids=tuple(ids), data=data or None).value

    def key(self, noun_key: str, code: str) -> str | None:
        """Give the key of a record by its code; None for an empty code. Raises: KeyError for an unknown one."""
        if not code:
            return None
        if code not in self.keys[noun_key]:
            found = exchange.resolve(noun_key, [code])[code]
            if found is None:
                raise KeyError(f"{noun_key} {code}")
            self.keys[noun_key][code] = found
        return str(self.keys[noun_key][code])


def load_masters(loader: Loader) -> None:
    """Load company, parties, items, people, places and work centres."""
    _company(loader)
    _parties(loader)
    _items(loader)
    _people(loader)
    _places(loader)


def _company(loader: Loader) -> None:
    (company,) = rows("company")
    loader.make(
        "company.currency",
        [
            dict(
                code=r["code"],
                name=r["name_zh"],
                symbol=r["symbol"],
                places=int(r["decimals"]),
                rates=[]
                if r["code"] == company["currency_code"]
                else [dict(valid_from=r["rate_on"], rate=r["rate"])],
            )
            for r in rows("currencies")
        ],
    )
    loader.make(
        "company.unit",
        [
            filled(
                code=r["code"],
                name=r["name_zh"],
                name_en=r["name_en"],
                places=int(r["decimals"]),
                dimension=r["dimension"],
                factor=r["factor"],
            )
            for r in rows("units")
        ],
    )
    loader.make(
        "company.tax_code",
        [
            dict(code=r["code"], name=r["name_zh"], rate=r["rate_percent"], kind=r["kind"])
            for r in rows("tax_codes")
        ],
    )
    special = grouped("calendar_exceptions", "calendar_code")
    loader.make(
        "company.calendar",
        [
            dict(
                code=code,
                name=intervals[0]["name_zh"],
                shifts=[
                    dict(weekday=int(r["weekday"]) - 1, starts_at=r["begins_at"], ends_at=r["ends_at"])
                    for r in intervals
                ],
                exceptions=[_exception(r, intervals) for r in special.get((code,), ())],
            )
            for (code,), intervals in grouped("calendars", "code").items()
        ],
    )
    loader.make(
        "company.company",
        [
            filled(
                code=company["code"],
                name=company["name_zh"],
                tax_number=company["tax_number"],
                currency=loader.key("company.currency", company["currency_code"]),
                language=company["language"],
                address=company["address_zh"],
                phone=company["phone"],
            )
        ],
    )
    loader.make(
        "company.plant",
        [
            dict(
                code=r["code"],
                name=r["name_zh"],
                company=loader.key("company.company", company["code"]),
                calendar=loader.key("company.calendar", r["calendar_code"]),
                zone=r["time_zone"],
            )
            for r in rows("plants")
        ],
    )
    for r in rows("departments"):
        loader.make(
            "company.department",
            [
                filled(
                    code=r["code"],
                    name=r["name_zh"],
                    kind=r["kind"],
                    parent=loader.key("company.department", r["parent_code"]),
                    plant=loader.key("company.plant", r["plant_code"]),
                )
            ],
        )


def _exception(row: Row, intervals: Sequence[Row]) -> dict[str, Any]:
    """Give a special day; one that is worked has the hours of a Monday, from its first beginning to its last end."""
    day = dict(day=row["on"], is_working=yes(row["is_working"]), note=row["name_zh"])
    if day["is_working"]:
        monday = [r for r in intervals if r["weekday"] == "1"]
        day |= dict(starts_at=min(r["begins_at"] for r in monday), ends_at=max(r["ends_at"] for r in monday))
    return day


def _parties(loader: Loader) -> None:
    contacts, addresses = grouped("contacts", "party_code"), grouped("addresses", "party_code")
    loader.make(
        "parties.party",
        [
            filled(
                code=r["code"],
                name=r["name_zh"],
                short_name=r["short_name"],
                is_customer=yes(r["is_customer"]),
                is_supplier=yes(r["is_supplier"]),
                is_carrier=yes(r["is_carrier"]),
                tax_number=r["tax_number"],
                bank_name=r["bank_name"],
                bank_account=r["bank_account"],
                payment_terms=r["payment_terms"],
                payment_days=int(r["payment_days"] or 0),
                credit_limit=r["credit_limit"],
                currency=loader.key("company.currency", r["currency_code"]),
                tax_code=loader.key("company.tax_code", r["tax_code"]),
                contacts=[
                    dict(name=c["name"], phone=c["phone"], email=c["email"], role=c["position_zh"])
                    for c in contacts.get((r["code"],), ())
                ],
                addresses=[
                    dict(
                        kind=a["kind"],
                        line=a["street"],
                        city=a["city"],
                        region=a["province"],
                        country=a["country"],
                        postcode=a["postal_code"],
                        is_default=yes(a["is_default"]),
                    )
                    for a in addresses.get((r["code"],), ())
                ],
            )
            for r in rows("parties")
        ],
    )


def _items(loader: Loader) -> None:
    for r in rows("item_categories"):
        loader.make(
            "items.category",
            [
                filled(
                    code=r["code"],
                    name=r["name_zh"],
                    name_en=r["name_en"],
                    parent=loader.key("items.category", r["parent_code"]),
                )
            ],
        )
    units = grouped("item_units", "item_code")
    prices = {r["item_code"] for r in rows("customer_prices")}
    loader.make(
        "items.item",
        [
            filled(
                code=r["code"],
                name=r["name_zh"],
                name_en=r["name_en"],
                specification=r["specification"],
                kind=r["kind"],
                category=loader.key("items.category", r["category_code"]),
                unit=loader.key("company.unit", r["stock_unit"]),
                second_unit=loader.key("company.unit", r["second_unit"]),
                tracking=r["tracking"],
                weight=r["weight_kg"],
                shelf_life_days=int(r["shelf_life_days"]) if r["shelf_life_days"] else None,
                drawing_number=r["drawing_number"],
                drawing_revision=r["drawing_revision"],
                tax_code=loader.key("company.tax_code", r["tax_code"]),
                is_sold=r["code"] in prices,
                units=[
                    dict(
                        unit=loader.key("company.unit", u["unit_code"]),
                        numerator=u["factor"],
                        denominator="1",
                    )
                    for u in units.get((r["code"],), ())
                ],
            )
            for r in rows("items")
        ],
    )
    loader.make(
        "items.item_plant",
        [
            filled(
                item=loader.key("items.item", r["item_code"]),
                plant=loader.key("company.plant", r["plant_code"]),
                lead_time_days=int(r["lead_time_days"] or 0),
                lot_rule=r["lot_rule"],
                lot_fixed=r["lot_quantity"],
                lot_minimum=r["minimum_quantity"],
                lot_multiple=r["multiple_quantity"],
                supply_days=int(r["days_of_supply"]) if r["days_of_supply"] else None,
                safety_stock=r["safety_stock"],
                safety_days=int(r["safety_days"] or 0),
                yield_percent=r["yield_percent"],
                standard_lot=r["standard_lot_quantity"],
                costing_method=r["costing_method"],
                backflush=r["issue_method"] == "backflush",
            )
            for r in rows("item_plants")
        ],
    )


def _people(loader: Loader) -> None:
    loader.make(
        "people.shift",
        [
            dict(
                code=r["code"],
                name=r["name_zh"],
                starts_at=r["begins_at"],
                ends_at=r["ends_at"],
                break_minutes=int(r["break_minutes"] or 0),
            )
            for r in rows("shifts")
        ],
    )
    loader.make("people.skill", [dict(code=r["code"], name=r["name_zh"]) for r in rows("skills")])
    (plant,) = rows("plants")[:1]
    loader.make(
        "people.team",
        [
            dict(code=r["code"], name=r["name_zh"], plant=loader.key("company.plant", plant["code"]))
            for r in rows("teams")
        ],
    )
    skills = grouped("employee_skills", "employee_no")
    loader.make(
        "people.employee",
        [
            filled(
                code=r["employee_no"],
                name=r["name"],
                department=loader.key("company.department", r["department_code"]),
                plant=loader.key("company.plant", r["plant_code"]),
                team=loader.key("people.team", r["team_code"]),
                shift=loader.key("people.shift", r["shift_code"]),
                job_title=r["position_zh"],
                phone=r["phone"],
                hired_on=r["hired_on"],
                hourly_pay=r["hourly_wage"],
                skills=[
                    filled(
                        skill=loader.key("people.skill", s["skill_code"]),
                        level=int(s["level"]),
                        valid_from=s["valid_from"],
                        valid_to=s["valid_to"],
                    )
                    for s in skills.get((r["employee_no"],), ())
                ],
            )
            for r in rows("employees")
        ],
    )
    for r in rows("teams"):
        loader.do(
            "people.team.change",
            [UUID(loader.key("people.team", r["code"]))],
            leader=loader.key("people.employee", r["leader_employee_no"]),
        )


def aisles(places: Sequence[Row]) -> dict[str, int]:
    """Give the number of each bin's aisle: a zone is one, and they are walked as they stand in the file."""
    zones = [r["code"] for r in places if r["kind"] == "zone"]
    return {r["code"]: 1 + zones.index(r["parent_code"]) for r in places if r["kind"] == "bin"}


def _places(loader: Loader) -> None:
    places = rows("locations")
    aisle = aisles(places)
    for r in places:
        loader.make(
            "inventory.location",
            [
                filled(
                    code=r["code"],
                    name=r["name_zh"],
                    name_en=r["name_en"],
                    kind=r["kind"],
                    plant=loader.key("company.plant", r["plant_code"]),
                    parent=loader.key("inventory.location", r["parent_code"]),
                    party=loader.key("parties.party", r["party_code"]),
                    barcode=r["code"],
                    walk_order=aisle.get(r["code"]),
                )
            ],
        )
    loader.make(
        "equipment.work_centre",
        [
            filled(
                code=r["code"],
                name=r["name_zh"],
                plant=loader.key("company.plant", r["plant_code"]),
                department=loader.key("company.department", r["department_code"]),
                calendar=loader.key("company.calendar", r["calendar_code"]),
                labour_rate=r["labour_rate"],
                machine_rate=r["machine_rate"],
                stations=int(r["machine_count"] or 1),
                efficiency_percent=r["efficiency_percent"],
                skill=loader.key("people.skill", r["skill_code"]),
                line_side=loader.key("inventory.location", r["line_side_location_code"]),
                may_subcontract=yes(r["may_subcontract"]),
            )
            for r in rows("work_centres")
        ],
    )
    loader.make(
        "equipment.machine",
        [
            filled(
                code=r["code"],
                name=r["name_zh"],
                work_centre=loader.key("equipment.work_centre", r["work_centre_code"]),
                maker_type=r["model"],
                bought_on=r["bought_on"],
            )
            for r in rows("machines")
        ],
    )


def load_engineering(loader: Loader) -> None:
    """Load BOM and routing revisions and release those that are, superseded ones before their successors."""
    lines = grouped("bom_lines", "item_code", "revision")
    boms = rows("boms")
    made = loader.make(
        "engineering.bom",
        [
            filled(
                item=loader.key("items.item", r["item_code"]),
                revision=r["revision"],
                effective_from=r["effective_from"],
                effective_to=r["effective_to"] if r["state"] != "superseded" else None,
                base_quantity=r["base_quantity"],
                lines=[
                    filled(
                        component=loader.key("items.item", ln["component_item_code"]),
                        quantity=ln["quantity_per"],
                        is_fixed=ln["quantity_kind"] == "fixed",
                        scrap_percent=ln["scrap_percent"] or "0",
                        operation=int(ln["operation_sequence"]) if ln["operation_sequence"] else None,
                        place=ln["position"],
                        valid_from=ln["valid_from"],
                        valid_to=ln["valid_to"],
                    )
                    for ln in lines[(r["item_code"], r["revision"])]
                ],
            )
            for r in boms
        ],
    )
    _release(loader, "engineering.bom", boms, made)
    steps = grouped("routing_operations", "item_code", "revision")
    routings = rows("routings")
    made = loader.make(
        "engineering.routing",
        [
            filled(
                item=loader.key("items.item", r["item_code"]),
                revision=r["revision"],
                effective_from=r["effective_from"],
                effective_to=r["effective_to"] if r["state"] != "superseded" else None,
                operations=[_operation(loader, s) for s in steps[(r["item_code"], r["revision"])]],
            )
            for r in routings
        ],
    )
    _release(loader, "engineering.routing", routings, made)


def _operation(loader: Loader, row: Row) -> dict[str, Any]:
    return filled(
        sequence=int(row["sequence"]),
        name=row["name_zh"],
        name_en=row["name_en"],
        work_centre=loader.key("equipment.work_centre", row["work_centre_code"]),
        setup_minutes=row["setup_minutes"],
        run_minutes=row["run_minutes"],
        queue_minutes=row["queue_minutes"],
        overlap_quantity=row["overlap_quantity"],
        report_ratio=row["report_ratio"],
        predecessors=row["predecessors"].replace(";", ","),
        yield_percent=row["yield_percent"],
        skill=loader.key("people.skill", row["skill_code"]),
        is_subcontracted=yes(row["is_subcontracted"]),
        supplier=loader.key("parties.party", row["subcontractor_code"]),
        subcontract_price=row["subcontract_price"],
        data=[_datum(code) for code in row["capture"].split(";") if code],
    )


def _datum(code: str) -> dict[str, Any]:
    """Give what is to be entered with a report, as an operation keeps it."""
    (row,) = grouped("captured", "code")[(code,)]
    return filled(
        name=row["name_zh"], name_en=row["name_en"], kind=row["kind"], unit=row["unit"], minimum=row["minimum"],
        maximum=row["maximum"], choices=row["choices"].split(";") if row["choices"] else None,
    )  # fmt: skip


def _release(loader: Loader, noun_key: str, files: Sequence[Row], made: Sequence[UUID]) -> None:
    for wanted in ("superseded", "released"):
        ids = [key for key, r in zip(made, files, strict=True) if r["state"] == wanted]
        if ids:
            loader.do(f"{noun_key}.release", ids)


def load_wages(loader: Loader) -> None:
    """Load what work is paid: the piece by item and operation, else the hour by each person's own pay."""
    piece = {(r["item_code"], r["name_zh"]): r["piece_rate"] for r in rows("routing_operations") if r["piece_rate"]}
    since = dict(valid_from="2020-01-01")
    loader.make(
        "wages.rate",
        [dict(is_own_pay=True, shift_minimum="100", note="未定单价的按工时", **since)]
        + [
            dict(
                item=loader.key("items.item", item), operation=name, piece_price=price, shift_minimum="100", **since
            )
            for (item, name), price in piece.items()
        ],
    )  # fmt: skip
    reasons = [r["code"] for r in rows("defect_reasons")]
    loader.make(
        "wages.deduction",
        [dict(reason=loader.key("production.defect_reason", code), price="2", **since) for code in reasons],
    )


def load_prices(loader: Loader) -> None:
    """Load what suppliers and customers are charged."""
    loader.make(
        "purchasing.supplier_item",
        [
            filled(
                party=loader.key("parties.party", r["supplier_code"]),
                item=loader.key("items.item", r["item_code"]),
                supplier_code=r["supplier_item_code"],
                price=r["price"],
                currency=loader.key("company.currency", r["currency_code"]),
                tax_code=loader.key("company.tax_code", r["tax_code"]),
                unit=loader.key("company.unit", r["unit_code"]),
                minimum_quantity=r["minimum_quantity"],
                lead_time_days=int(r["lead_time_days"] or 0),
                is_preferred=r["priority"] == "1",
                valid_from=r["valid_from"],
                valid_to=r["valid_to"],
            )
            for r in rows("supplier_items")
        ],
    )
    items = {r["code"]: r for r in rows("items")}
    loader.make(
        "sales.customer_price",
        [
            filled(
                party=loader.key("parties.party", r["customer_code"]),
                item=loader.key("items.item", r["item_code"]),
                unit=loader.key("company.unit", items[r["item_code"]]["stock_unit"]),
                minimum_quantity=r["minimum_quantity"],
                price=r["price"],
                currency=loader.key("company.currency", r["currency_code"]),
                tax_code=loader.key("company.tax_code", r["tax_code"]),
                valid_from=r["valid_from"],
                valid_to=r["valid_to"],
                customer_item_code=r["customer_item_code"],
            )
            for r in rows("customer_prices")
        ],
    )
    loader.make(
        "production.defect_reason",
        [
            filled(
                code=r["code"],
                name=r["name_zh"],
                name_en=r["name_en"],
                kind={"defect": "both", "scrap": "scrap", "rework": "rework"}[r["kind"]],
            )
            for r in rows("defect_reasons")
        ],
    )


def totals() -> dict[str, Decimal]:
    """Give what the opening files say in sum: stock value and both sides of the accounts."""
    accounts = rows("account_opening")
    return {
        "stock": sum((Decimal(r["amount"] or 0) for r in rows("stock_opening")), Decimal(0)),
        "debit": sum((Decimal(r["debit"] or 0) for r in accounts), Decimal(0)),
        "credit": sum((Decimal(r["credit"] or 0) for r in accounts), Decimal(0)),
    }
