"""Decisions and sums of production, as tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

import pytest

from banyan.modules.production import rules
from banyan.modules.production.rules import Flow, PlannedMaterial, PlannedOperation, Rates, Source, Step

T0 = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def flows(text: str) -> dict[int, Flow]:
    """Read operations such as `10 good=5 | 20<10 ratio=4 | 30<10,20 skipped`."""
    read = {}
    for part in text.split("|"):
        head, *words = part.split()
        sequence, _, before = head.partition("<")
        values = {}
        for word in words:
            name, _, value = word.partition("=")
            values["is_skipped" if name == "skipped" else name] = True if name == "skipped" else D(value)
        read[int(sequence)] = Flow(int(sequence), tuple(int(b) for b in before.split(",") if b), **values)
    return read


# order of 100, operation asked, tolerance → counts that may still be taken
ROOM = """
10                                                    | 10 | 0 | 100   | nothing reported yet
10 good=40                                            | 10 | 0 | 60    | partial quantities flow
10 good=40 ; 20<10                                    | 20 | 0 | 40    | what came from before
10 good=40 ; 20<10 good=30                            | 20 | 0 | 10    |
10 good=40 ; 20<10 good=30 scrap=4                    | 20 | 0 | 6     | a scrapped piece is used up
10 good=98 scrap=2                                    | 10 | 0 | 2     | and may be started anew
10 good=100 ; 20<10 good=90 scrap=10                  | 10 | 0 | 10    | also when lost later
10 good=100 ; 20<10 ; 30<20 scrap=1                   | 20 | 0 | 100   | but only at the first operation
10 good=40 ; 20<10 good=30 rework=5                   | 20 | 0 | 10    | mended here: still to be reported
10 good=40 ; 20<10 good=30 rework=5 sent_back=5       | 20 | 0 | 5     | sent back: gone from here
10 good=100 come_back=5 ; 20<10                       | 10 | 0 | 5     | and to be made again there
10 good=40 ; 20<10 ratio=4                            | 20 | 0 | 160   | four counts per piece
10 ratio=4 good=160 ; 20<10                           | 20 | 0 | 40    |
10 ratio=3 good=10 ; 20<10 ratio=3                    | 20 | 0 | 10    | no third is lost
10 good=40 ; 20<10 skipped ; 30<20                    | 30 | 0 | 40    | a skipped one lets pass
10 good=40 ; 20<10 good=3 scrap=4 skipped ; 30<20     | 30 | 0 | 36    | but for what was lost there
10 good=40 ; 20 good=25 ; 30<10,20                    | 30 | 0 | 25    | the lesser of two branches
10 good=40 ; 20<10 ; 30<10                            | 30 | 0 | 40    | two that work side by side
10 good=100 scrap=1 ; 20 good=100 ; 30<10,20          | 20 | 0 | 0     | the other branch's loss is not ours
10 good=100                                           | 10 | 5 | 5     | tolerance
10 good=105 ; 20<10 good=100                          | 20 | 5 | 5     | is not raised again by the next
10 good=100 ; 20<10 good=100                          | 20 | 5 | 5     | a counting difference
10 good=103                                           | 10 | 0 | -3    | over already
10 quantity=104 good=100                              | 10 | 0 | 4     | as many as are planned to begin
10 quantity=104 good=100 scrap=3                      | 10 | 0 | 1     | some of them to be lost
10 quantity=104 good=100 scrap=6                      | 10 | 0 | 0     | and more when more is lost
"""


def table(text: str) -> list[list[str]]:
    return [[c.strip() for c in line.split("|")] for line in text.strip().splitlines()]


@pytest.mark.parametrize(("shop", "sequence", "tolerance", "left", "why"), table(ROOM))
def test_an_operation_may_take_what_has_arrived(shop, sequence, tolerance, left, why):
    found = rules.room(int(sequence), flows(shop.replace(";", "|")), D(100), D(tolerance))
    assert found == D(left), why


# before → report (sequence kind quantity [back_to]) → excess by operation
EXCESS = """
10 good=95                                | 10 good 5         |
10 good=95                                | 10 good 6         | 10:1
10 good=40 ; 20<10 good=30                | 20 scrap 11       | 20:1
10 good=40 ; 20<10 good=30                | 20 rework 11      | 20:1
10 good=40 ; 20<10 good=30                | 20 rework 11 10   | 20:1
10 good=40 ; 20<10 good=30                | 20 rework 10 10   |
10 good=103                               | 10 good 1         | 10:4
10 good=103                               | 10 start 0        |
10 good=40 ; 20<10 good=30                | 10 -good 10       |
10 good=40 ; 20<10 good=30                | 10 -good 11       | 20:1
10 good=102 ; 20<10 scrap=2               | 20 -scrap 2       |
10 good=11 come_back=1 ; 20<10 good=11 rework=1 sent_back=1 | 20 -rework 1 10 |
"""


@pytest.mark.parametrize(("shop", "report", "expected"), table(EXCESS))
def test_a_report_beyond_what_arrived_is_seen(shop, report, expected):
    sequence, kind, quantity, *back = report.split()
    step = Step(
        int(sequence),
        kind.lstrip("-"),
        D(quantity),
        int(back[0]) if back else None,
        -1 if kind[0] == "-" else 1,
    )
    found = rules.excess(flows(shop.replace(";", "|")), step, D(100))
    assert found == {int(k): D(v) for k, _, v in (p.partition(":") for p in expected.split())}


def test_what_is_applied_and_taken_back_leaves_no_trace():
    shop = flows("10 good=40 | 20<10 ratio=4 good=60")
    for kind, back in (("good", None), ("scrap", None), ("rework", None), ("rework", 10)):
        there = rules.applied(shop, Step(20, kind, D(8), back))
        assert there != shop
        assert rules.applied(there, Step(20, kind, D(8), back, -1)) == shop
    assert rules.applied(shop, Step(20, "rework", D(8), 10))[10].come_back == D(2)
    assert rules.applied(shop, Step(20, "start")) == shop


@pytest.mark.parametrize(
    ("shop", "sequence", "following"),
    [
        ("10 | 20<10 | 30<20", 10, (20,)),
        ("10 | 20<10 | 30<20", 30, ()),
        ("10 | 20<10 | 30<10", 10, (20, 30)),
        ("10 | 20<10 skipped | 30<20 skipped | 40<30 | 50<40", 10, (40,)),
        ("10 | 20<10 skipped | 30<10,20", 10, (30,)),
    ],
)
def test_pieces_go_next_to_what_waits_for_them_and_is_not_left_out(shop, sequence, following):
    assert rules.next_ones(sequence, flows(shop)) == following


@pytest.mark.parametrize(
    ("written", "links"),
    [
        ([(10, ""), (20, ""), (30, "")], {10: (), 20: (10,), 30: (20,)}),
        ([(10, ""), (20, "10"), (30, "")], {10: (), 20: (10,), 30: ()}),
        ([(10, ""), (20, ""), (30, "10;20")], {10: (), 20: (), 30: (10, 20)}),
        ([(10, ""), (20, "10，10")], {10: (), 20: (10,)}),
    ],
)
def test_predecessors_are_read(written, links):
    assert rules.predecessor_links(written) == links


@pytest.mark.parametrize("written", [[(10, ""), (20, "15")], [(10, "20"), (20, "10")], [(10, "x")]])
def test_predecessors_that_cannot_be_are_refused(written):
    with pytest.raises(ValueError):
        rules.predecessor_links(written)


def test_pieces_go_back_only_to_where_they_came_from():
    shop = flows("10 | 20<10 | 30<20 | 40")
    assert rules.may_go_back(30, 10, shop)
    assert rules.may_go_back(30, 30, shop)
    assert not rules.may_go_back(10, 30, shop)
    assert not rules.may_go_back(30, 40, shop)


@pytest.mark.parametrize(
    ("state", "counters", "started", "now"),
    [
        ("open", "", 0, "open"),
        ("open", "", 1, "running"),
        ("open", "good=1", 0, "running"),
        ("open", "rework=1", 0, "running"),
        ("running", "good=90 scrap=10", 0, "done"),
        ("done", "good=90", 0, "running"),
        ("running", "", 0, "open"),
        ("skipped", "good=100", 0, "skipped"),
        ("closed", "", 1, "closed"),
    ],
)
def test_an_operation_stands_where_its_counters_say(state, counters, started, now):
    assert rules.operation_state(state, flows(f"10 quantity=100 {counters}")[10], started) == now


@pytest.mark.parametrize(
    ("state", "made", "is_last", "now"),
    [
        ("running", 99, False, "running"),
        ("running", 100, False, "completed"),
        ("running", 40, True, "completed"),
        ("completed", 99, False, "running"),
        ("released", 5, False, "running"),
        ("closed", 0, False, "closed"),
    ],
)
def test_an_order_is_completed_by_what_went_to_stock(state, made, is_last, now):
    assert rules.order_state(state, made=D(made), quantity=D(100), is_last=is_last) == now


@pytest.mark.parametrize(
    ("total", "shares", "parts"),
    [
        ("100", [None, None, None], ["33.34", "33.33", "33.33"]),
        ("90", ["2", "1"], ["60", "30"]),
        ("7", ["1"], ["7"]),
        ("0", [None, None], ["0", "0"]),
        ("-10", ["50", "50"], ["-5", "-5"]),
        ("5", [], []),
    ],
)
def test_time_is_shared_out_to_the_last_hundredth(total, shares, parts):
    given = [None if s is None else D(s) for s in shares]
    assert rules.shared_out(D(total), given) == tuple(D(p) for p in parts)


@pytest.mark.parametrize("shares", [[D(1), None], [D(0), D(0)], [D(-1), D(2)]])
def test_shares_that_cannot_be_are_refused(shares):
    with pytest.raises(ValueError):
        rules.shared_out(D(10), shares)


@pytest.mark.parametrize(
    ("marks", "until", "minutes"),
    [
        ("", 10, "0"),
        ("start@0", 10, "10"),
        ("start@0 pause@4", 10, "4"),
        ("start@0 pause@4 start@6", 10, "8"),
        ("start@0 good@5", 8, "3"),
        ("start@0 start@2", 10, "10"),
        ("pause@3", 10, "0"),
        ("good@3", 10, "0"),
        ("start@0 pause@4 good@5", 8, "0"),
        ("start@9", 5, "0"),
    ],
)
def test_the_clock_counts_what_was_worked_since_the_last_count(marks, until, minutes):
    read = [(k, T0 + timedelta(minutes=int(at))) for k, _, at in (m.partition("@") for m in marks.split())]
    assert rules.clocked_minutes(read, T0 + timedelta(minutes=until)) == D(minutes)


RATES = Rates(labour=D(30), machine=D(60), overhead=D(12))


@pytest.mark.parametrize(
    ("case", "minutes", "amounts"),
    [
        (dict(), ("20", "20", "0"), ("10", "20", "4", "0")),
        (dict(minutes=D(30)), ("30", "30", "0"), ("15", "30", "6", "0")),
        (dict(minutes=D(30), people=2), ("30", "15", "0"), ("15", "15", "6", "0")),
        (dict(minutes=D(30), machine_minutes=D(5)), ("30", "5", "0"), ("15", "5", "6", "0")),
        (dict(setup_minutes=D(10)), ("20", "20", "10"), ("15", "30", "6", "17")),
    ],
)
def test_effort_is_time_times_rate_with_the_set_up_apart(case, minutes, amounts):
    done = rules.effort(
        **{"pieces": D(10), "run_minutes": D(2), "setup_minutes": D(0), "rates": RATES} | case
    )
    assert (done.labour_minutes, done.machine_minutes, done.setup_minutes) == tuple(map(D, minutes))
    assert (done.labour_amount, done.machine_amount, done.overhead_amount, done.setup_amount) == tuple(
        map(D, amounts)
    )
    assert done.back().amount == -done.amount


def test_the_planned_cost_of_a_piece_comes_from_the_orders_own_lines():
    cost = rules.planned_unit_cost(
        D(10),
        [PlannedMaterial(D(20), D("1.5")), PlannedMaterial(D(1), D(10))],
        [PlannedOperation(D(2), D(10), Rates(D(30), D(30), D(0)), D(1))],
    )
    assert cost == D("8")  # (30 + 10 + 30 minutes at 60 an hour + 10 outside) / 10
    assert rules.planned_unit_cost(D(10), [PlannedMaterial(D(10), D(4))], [], D(25)) == D(3)
    assert rules.planned_unit_cost(D(3), [PlannedMaterial(D(1), D(10))], []) == D("3.333333")
    assert rules.planned_unit_cost(D(0), [], []) == 0
    assert rules.completed_amount(D(3), D("3.333333")) == D("10.00")


@pytest.mark.parametrize(
    ("quantity", "ratio", "yields", "places", "begun"),
    [
        ("98", "1", ["98"], 0, "100"),
        ("100", "4", ["100"], 0, "400"),
        ("100", "1", ["98", "99", "100"], 0, "104"),
        ("1", "1", ["80"], 3, "1.25"),
    ],
)
def test_what_will_be_lost_is_begun_as_well(quantity, ratio, yields, places, begun):
    assert rules.to_begin(D(quantity), D(ratio), map(D, yields), places) == D(begun)


@pytest.mark.parametrize(
    ("flow", "fixed", "target"),
    [
        ("10 quantity=100", False, "0"),
        ("10 quantity=100 good=50", False, "100"),
        ("10 quantity=100 good=40 scrap=10", False, "100"),
        ("10 quantity=100 good=51 come_back=1", False, "100"),
        ("10 quantity=100 good=50 rework=5", False, "100"),
        ("10 quantity=400 ratio=4 good=200", False, "100"),
        ("10 quantity=100 good=1", True, "200"),
        ("10 quantity=100", True, "0"),
        ("10 good=1", False, "0"),
    ],
)
def test_backflush_follows_the_pieces(flow, fixed, target):
    assert rules.backflush_target(D(200), flows(flow)[10], is_fixed=fixed, places=0) == D(target)


def test_a_kit_is_checked_first_come_first_served():
    orders, lines, item, other = (
        [UUID(int=n) for n in (1, 2)],
        [UUID(int=n) for n in (3, 4)],
        UUID(int=5),
        UUID(int=6),
    )
    found = rules.kit_check(
        [
            (orders[0], lines[0], item, D(6)),
            (orders[1], lines[1], item, D(6)),
            (orders[1], lines[1], other, D(1)),
        ],
        {item: D(10)},
    )
    assert [(line.free, line.missing) for line in found] == [(D(6), D(0)), (D(4), D(2)), (D(0), D(1))]
    kept = rules.kit_check([(orders[0], lines[0], item, D(6))], {item: D(1)}, {lines[0]: D(4)})
    assert [(line.free, line.missing) for line in kept] == [(D(5), D(1))]


def test_stock_is_taken_in_turn_and_what_lacks_is_said():
    place = UUID(int=1)
    there = [Source(place, None, D(3)), Source(place, UUID(int=2), D(0)), Source(place, UUID(int=3), D(5))]
    taken, missing = rules.taken_from(D(7), there)
    assert ([q for _, q in taken], missing) == ([D(3), D(4)], D(0))
    assert rules.taken_from(D(9), there)[1] == D(1)


def test_debts_are_paid_in_turn():
    assert rules.settled([("a", D(3)), ("b", D(4)), ("c", D(1))], D(5)) == (("a", D(3)), ("b", D(2)))
