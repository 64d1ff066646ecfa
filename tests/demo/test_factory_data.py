"""The demo factory's files agree with each other, before any of them meets a database."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

import banyan
from banyan.demo.load import aisles
from banyan.modules.handheld.rules import walk

PACKAGE = Path(banyan.__file__).parent
FACTORY = PACKAGE / "demo" / "factory"
CHARTS = PACKAGE / "modules" / "finance" / "charts"
MAIN_PRODUCT = "FG-R37"

Row = dict[str, str]

KEYS = {
    "company": ("code",),
    "plants": ("code",),
    "departments": ("code",),
    "calendars": ("code", "weekday", "begins_at"),
    "calendar_exceptions": ("calendar_code", "on"),
    "currencies": ("code",),
    "tax_codes": ("code",),
    "units": ("code",),
    "item_categories": ("code",),
    "items": ("code",),
    "item_units": ("item_code", "unit_code"),
    "item_plants": ("item_code", "plant_code"),
    "parties": ("code",),
    "contacts": ("party_code", "name"),
    "addresses": ("party_code", "kind"),
    "employees": ("employee_no",),
    "teams": ("code",),
    "skills": ("code",),
    "employee_skills": ("employee_no", "skill_code"),
    "shifts": ("code",),
    "locations": ("code",),
    "work_centres": ("code",),
    "machines": ("code",),
    "boms": ("item_code", "revision"),
    "bom_lines": ("item_code", "revision", "line_no"),
    "routings": ("item_code", "revision"),
    "routing_operations": ("item_code", "revision", "sequence"),
    "captured": ("code",),
    "supplier_items": ("supplier_code", "item_code"),
    "customer_prices": ("customer_code", "item_code", "minimum_quantity"),
    "defect_reasons": ("code",),
    "stock_opening": ("item_code", "location_code", "lot_code", "serial_number"),
    "account_opening": ("account_code", "party_code", "employee_no"),
    "users": ("username",),
}

# column name -> (file, column) it points to; the same name means the same thing in every file
REFERENCES = {
    "calendar_code": ("calendars", "code"),
    "capture": ("captured", "code"),
    "category_code": ("item_categories", "code"),
    "component_item_code": ("items", "code"),
    "currency_code": ("currencies", "code"),
    "customer_code": ("parties", "code"),
    "default_location_code": ("locations", "code"),
    "department_code": ("departments", "code"),
    "employee_no": ("employees", "employee_no"),
    "item_code": ("items", "code"),
    "leader_employee_no": ("employees", "employee_no"),
    "line_side_location_code": ("locations", "code"),
    "location_code": ("locations", "code"),
    "owner_code": ("parties", "code"),
    "party_code": ("parties", "code"),
    "plant_code": ("plants", "code"),
    "second_unit": ("units", "code"),
    "service_item_code": ("items", "code"),
    "shift_code": ("shifts", "code"),
    "skill_code": ("skills", "code"),
    "stock_unit": ("units", "code"),
    "subcontractor_code": ("parties", "code"),
    "substitute_item_codes": ("items", "code"),
    "supplier_code": ("parties", "code"),
    "tax_code": ("tax_codes", "code"),
    "team_code": ("teams", "code"),
    "unit_code": ("units", "code"),
    "work_centre_code": ("work_centres", "code"),
    "work_centre_codes": ("work_centres", "code"),
}

ALLOWED = {
    ("captured", "kind"): {"number", "choice", "text", "photo", "time"},
    ("items", "kind"): {"made", "bought", "phantom", "service", "tool"},
    ("items", "tracking"): {"none", "lot", "serial"},
    ("boms", "state"): {"draft", "released", "superseded"},
    ("routings", "state"): {"draft", "released", "superseded"},
    ("bom_lines", "quantity_kind"): {"proportional", "fixed"},
    ("item_plants", "lot_rule"): {"lot_for_lot", "fixed", "minimum_multiple", "days_of_supply"},
    ("item_plants", "costing_method"): {"moving_average", "fifo", "standard", "month_end_average"},
    ("locations", "kind"): {
        "warehouse", "zone", "bin", "line_side", "inspection", "rejected", "transit", "subcontractor",
        "supplier", "customer", "production", "adjustment", "scrap",
    },
    ("stock_opening", "state"): {"", "released", "held", "rejected"},
}  # fmt: skip


def read(path: Path) -> tuple[Row, ...]:
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def rows(name: str) -> tuple[Row, ...]:
    return read(FACTORY / f"{name}.csv")


def by(name: str, column: str = "code") -> dict[str, Row]:
    return {row[column]: row for row in rows(name)}


def number(text: str) -> Decimal:
    return Decimal(text or "0")


def released(name: str) -> dict[str, Row]:
    return {row["item_code"]: row for row in rows(name) if row["state"] == "released"}


def lines_of(name: str, revisions: str) -> dict[str, list[Row]]:
    """Give the lines of each item's released revision."""
    current = released(revisions)
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(name):
        head = current.get(row["item_code"])
        if head and head["revision"] == row["revision"]:
            found[row["item_code"]].append(row)
    return found


def paths_down(item: str, lines: dict[str, list[Row]], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give every way from the item to a leaf; fail with the path where one comes back to itself."""
    assert item not in above, f"loop: {' > '.join((*above, item))}"
    here = (*above, item)
    below = [line["component_item_code"] for line in lines.get(item, [])]
    return [path for part in below for path in paths_down(part, lines, here)] or [here]


def first_suppliers() -> tuple[Row, ...]:
    return tuple(row for row in rows("supplier_items") if row["priority"] == "1")


def rolled_up_costs() -> dict[str, Decimal]:
    """Give the cost of one stock unit of each item by the rules in the demo's README."""
    lines, operations = lines_of("bom_lines", "boms"), lines_of("routing_operations", "routings")
    planning, centres = by("item_plants", "item_code"), by("work_centres")
    bought = {row["item_code"]: number(row["price"]) for row in first_suppliers()}
    costs: dict[str, Decimal] = {}

    def conversion(operation: Row, lot: Decimal) -> Decimal:
        centre = centres[operation["work_centre_code"]]
        hourly = number(centre["labour_rate"]) + number(centre["machine_rate"])
        minutes = number(operation["setup_minutes"]) / lot + number(operation["run_minutes"])
        return minutes / 60 * hourly + number(operation["subcontract_price"])

    def cost(item: str) -> Decimal:
        if item not in costs:
            costs[item] = bought[item] if item not in lines else made(item)
        return costs[item]

    def made(item: str) -> Decimal:
        lot = number(planning[item]["standard_lot_quantity"])
        total, kept = Decimal(0), number(planning[item]["yield_percent"]) / 100
        for line in lines[item]:
            share = lot if line["quantity_kind"] == "fixed" else Decimal(1)
            quantity = number(line["quantity_per"]) * (1 + number(line["scrap_percent"]) / 100) / share
            total += quantity * cost(line["component_item_code"])
        for operation in operations[item]:
            total += conversion(operation, lot)
            kept *= number(operation["yield_percent"]) / 100
        return total / kept

    for item in lines:
        cost(item)
    return costs


def test_files_are_those_described_with_all_their_columns():
    described = {}
    for line in (FACTORY.parent / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `") and ".csv`" in line:
            described[line.split("`")[1]] = line
    assert {path.name for path in FACTORY.glob("*.csv")} == set(described) == {f"{name}.csv" for name in KEYS}
    for name in KEYS:
        for column in rows(name)[0]:
            assert f"`{column}`" in described[f"{name}.csv"], f"{name}.csv: {column} is not described"


@pytest.mark.parametrize("name", KEYS)
def test_key_is_given_once(name):
    keys = Counter(tuple(row[column] for column in KEYS[name]) for row in rows(name))
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("name", KEYS)
def test_every_reference_exists(name):
    missing = []
    for row in rows(name):
        for column, text in row.items():
            target = (name, "code") if column == "parent_code" else REFERENCES.get(column)
            if not target or not text:
                continue
            known = by(*target)
            missing += [(column, code) for code in text.split(";") if code not in known]
    assert missing == []


@pytest.mark.parametrize(("name", "column"), ALLOWED)
def test_only_known_words_are_used(name, column):
    assert {row[column] for row in rows(name)} <= ALLOWED[name, column]


@pytest.mark.parametrize("name", ["departments", "item_categories", "locations"])
def test_parents_come_before_children(name):
    seen = {""}
    for row in rows(name):
        assert row["parent_code"] in seen, row["code"]
        seen.add(row["code"])


def test_factory_has_the_promised_size():
    assert len(rows("employees")) == 30
    assert len(rows("work_centres")) == 12
    assert sum(row["is_customer"] == "true" for row in rows("parties")) == 10
    assert sum(row["code"].startswith("S") for row in rows("parties")) == 12


def test_main_product_has_four_levels_and_no_product_more():
    lines = lines_of("bom_lines", "boms")
    depth = {item: max(len(path) for path in paths_down(item, lines)) for item in lines}
    assert depth[MAIN_PRODUCT] == 4
    assert max(depth.values()) == 4


def test_no_revision_leads_back_to_itself():
    edges: dict[str, list[Row]] = defaultdict(list)
    for line in rows("bom_lines"):
        edges[line["item_code"]].append(line)
    for item in edges:
        paths_down(item, edges)


def test_every_made_item_has_one_released_bom_and_routing():
    made = {row["code"] for row in rows("items") if row["kind"] == "made"}
    for name in ("boms", "routings"):
        times = Counter(row["item_code"] for row in rows(name) if row["state"] == "released")
        assert {item: times[item] for item in made} == dict.fromkeys(made, 1), name
    assert set(lines_of("routing_operations", "routings")) == made
    assert made <= set(lines_of("bom_lines", "boms"))


def test_revisions_follow_each_other_without_gap():
    for name in ("boms", "routings"):
        current = released(name)
        for row in rows(name):
            if row["state"] == "superseded":
                assert row["effective_to"] == current[row["item_code"]]["effective_from"], row


def test_bom_lines_and_operations_fit_their_heads():
    heads = {(row["item_code"], row["revision"]) for row in rows("boms")}
    assert {(row["item_code"], row["revision"]) for row in rows("bom_lines")} == heads
    heads = {(row["item_code"], row["revision"]) for row in rows("routings")}
    assert {(row["item_code"], row["revision"]) for row in rows("routing_operations")} == heads
    sequences = defaultdict(set)
    for row in rows("routing_operations"):
        sequences[row["item_code"], row["revision"]].add(row["sequence"])
    for row in rows("routing_operations"):
        before = {sequence for sequence in row["predecessors"].split(";") if sequence}
        assert before <= sequences[row["item_code"], row["revision"]], row
        assert all(int(sequence) < int(row["sequence"]) for sequence in before), row
    kinds = {row["code"]: row["kind"] for row in rows("items")}
    operations = lines_of("routing_operations", "routings")
    for item, lines in lines_of("bom_lines", "boms").items():
        if kinds[item] == "made":
            consuming = {line["operation_sequence"] for line in lines}
            assert consuming <= {operation["sequence"] for operation in operations[item]}, item


def test_lines_use_the_stock_unit_of_their_item():
    items = by("items")
    for line in rows("bom_lines"):
        assert line["unit_code"] == items[line["component_item_code"]]["stock_unit"], line
    conversions = {(row["item_code"], row["unit_code"]) for row in rows("item_units")}
    for row in rows("items"):
        assert not row["second_unit"] or (row["code"], row["second_unit"]) in conversions, row["code"]


def test_every_bought_item_has_a_supplier_and_every_stocked_one_planning_data():
    first = Counter(row["item_code"] for row in first_suppliers())
    bought = {row["code"] for row in rows("items") if row["kind"] in {"bought", "service", "tool"}}
    assert {item: first[item] for item in bought} == dict.fromkeys(bought, 1)
    stocked = {row["code"] for row in rows("items") if row["kind"] != "service"}
    assert set(by("item_plants", "item_code")) == stocked


def test_someone_holds_every_skill_the_routings_ask_for():
    held = {row["skill_code"] for row in rows("employee_skills")}
    assert {row["skill_code"] for row in rows("routing_operations")} - {""} <= held


def test_machine_counts_are_those_of_the_machines():
    counted = Counter(row["work_centre_code"] for row in rows("machines"))
    assert {row["code"]: int(row["machine_count"]) for row in rows("work_centres")} == counted


def test_tracked_stock_names_its_lot_or_serial_and_untracked_neither():
    items = by("items")
    wanted = {"none": (False, False), "lot": (True, False), "serial": (False, True)}
    for row in rows("stock_opening"):
        given = (bool(row["lot_code"]), bool(row["serial_number"]))
        assert given == wanted[items[row["item_code"]]["tracking"]], row
        assert number(row["quantity"]) > 0
        assert not row["serial_number"] or number(row["quantity"]) == 1
        assert not row["expires_on"] or row["expires_on"] > row["made_on"], row
        assert not row["owner_code"] or number(row["amount"]) == 0, "other owners' stock carries no value"
        assert row["owner_code"] or number(row["amount"]) > 0, row


def test_second_quantity_agrees_with_its_conversion():
    items = by("items")
    factors = {(row["item_code"], row["unit_code"]): number(row["factor"]) for row in rows("item_units")}
    for row in rows("stock_opening"):
        second = items[row["item_code"]]["second_unit"]
        assert bool(second) == bool(row["second_quantity"]), row
        if second:
            quantity = number(row["second_quantity"]) * factors[row["item_code"], second]
            assert quantity == number(row["quantity"]), row


def test_the_walk_passes_one_zone_after_the_other_and_turns_at_the_end_of_each():
    places = rows("locations")
    number = aisles(places)
    bins = [row["code"] for row in places if row["kind"] == "bin"]
    assert set(number) == set(bins)
    walked = walk(sorted(bins), str, number.get)
    zones = [code.rpartition("-")[0] for code in walked]
    assert [zone for n, zone in enumerate(zones) if zone not in zones[:n]] == [
        "RAW-BAR", "RAW-CAST", "RAW-STD", "RAW-MOT", "RAW-AUX", "RAW-PK", "SEMI-MP", "SEMI-SA", "FIN-A", "FIN-SHIP",
        "TOOL-A",
    ]  # fmt: skip
    assert zones == sorted(zones, key=zones.index)
    assert [code[-2:] for code in walked[:9]] == ["01", "02", "03", "04", "05", "04", "03", "02", "01"]


def test_stock_lies_in_our_own_leaf_locations():
    parents = {row["parent_code"] for row in rows("locations")}
    kinds = {row["code"]: row["kind"] for row in rows("locations")}
    own = {"bin", "line_side", "inspection", "rejected", "subcontractor"}
    for row in rows("stock_opening"):
        assert row["location_code"] not in parents, row
        assert kinds[row["location_code"]] in own, row


def test_opening_balances_balance():
    debit = sum(number(row["debit"]) for row in rows("account_opening"))
    credit = sum(number(row["credit"]) for row in rows("account_opening"))
    assert debit == credit > 0
    for row in rows("account_opening"):
        assert bool(row["debit"]) != bool(row["credit"]), row


def test_opening_accounts_are_leaves_of_the_company_chart_with_their_auxiliaries():
    chart = {row["code"]: row for row in read(CHARTS / f"{rows('company')[0]['chart_code']}.csv")}
    parents = {row["parent_code"] for row in chart.values()}
    column = {
        "customer": "party_code",
        "supplier": "party_code",
        "employee": "employee_no",
        "department": "department_code",
    }
    for row in rows("account_opening"):
        assert row["account_code"] in chart, row
        assert row["account_code"] not in parents, row
        for auxiliary in chart[row["account_code"]]["auxiliaries"].split(";"):
            assert not auxiliary or row[column[auxiliary]], row
    for row in rows("item_categories"):
        assert not row["inventory_account"] or row["inventory_account"] in chart.keys() - parents, row


def test_opening_stock_equals_the_inventory_accounts():
    categories, items = by("item_categories"), by("items")
    stock: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows("stock_opening"):
        account = categories[items[row["item_code"]]["category_code"]]["inventory_account"]
        stock[account] += number(row["amount"])
    books = {
        row["account_code"]: number(row["debit"]) - number(row["credit"])
        for row in rows("account_opening")
        if row["account_code"] in {category["inventory_account"] for category in rows("item_categories")}
    }
    assert stock == books


def test_every_reducer_costs_what_it_should_and_sells_above():
    costs, currencies = rolled_up_costs(), by("currencies")
    finished = {row["code"] for row in rows("items") if row["code"].startswith("FG-")}
    lists = {
        row["item_code"]: number(row["price"])
        for row in rows("customer_prices")
        if not row["customer_code"] and row["minimum_quantity"] == "1"
    }
    assert set(lists) == finished
    for item in finished:
        assert Decimal(400) <= costs[item] <= Decimal(3000), (item, costs[item])
        assert Decimal("1.3") <= lists[item] / costs[item] <= Decimal("1.6"), (item, costs[item], lists[item])
    for row in rows("customer_prices"):
        price = number(row["price"]) * number(currencies[row["currency_code"]]["rate"])
        assert price > costs[row["item_code"]], row


def test_opening_amounts_of_made_items_are_their_rolled_up_cost():
    costs, items = rolled_up_costs(), by("items")
    for row in rows("stock_opening"):
        if items[row["item_code"]]["kind"] == "made":
            wanted = costs[row["item_code"]] * number(row["quantity"])
            assert abs(number(row["amount"]) - wanted) < Decimal("0.01"), row


@pytest.mark.parametrize("name", ["cas_small", "cas"])
def test_chart_has_parents_before_children_and_one_row_per_account(name):
    seen = {""}
    for row in read(CHARTS / f"{name}.csv"):
        assert row["code"] not in seen, row
        assert row["parent_code"] in seen, row
        assert row["kind"] in {"asset", "liability", "equity", "cost", "income", "expense"}, row
        assert row["normal_side"] in {"debit", "credit"}, row
        assert "" not in (row["name_zh"], row["name_en"]), row
        seen.add(row["code"])
