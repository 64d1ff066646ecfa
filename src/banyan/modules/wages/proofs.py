"""What must never be false of wages, proved again from reports, rates and ledgers."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

LINE, STATEMENT, SHARING, BONUS = "wages.line", "wages.statement", "wages.sharing", "wages.bonus"
_LINES = "SELECT count(*) FROM wages_wageline"
_FIRST = "SELECT count(*) FROM wages_wageline WHERE reverses_id IS NULL"
_OF_REPORTS = """
    SELECT l.id, r.id, l.employee_id FROM wages_wageline l
    LEFT JOIN production_report r ON r.id = l.report_id
    LEFT JOIN LATERAL (
        SELECT (p ->> 'quantity')::numeric AS quantity, (p ->> 'minutes')::numeric AS minutes
        FROM jsonb_array_elements(r.people) p WHERE p ->> 'employee' = l.employee_id::text
    ) p ON true
    LEFT JOIN production_report u ON u.id = r.reverses_id
    WHERE l.kind NOT IN ('share', 'bonus') AND (r.id IS NULL OR p.minutes IS NULL OR l.minutes <> p.minutes
       OR l.quantity <> CASE WHEN l.kind = 'good' THEN p.quantity ELSE 0 END
       OR (l.operation_id, l.work_order_id, l.plant_id) <> (r.operation_id, r.work_order_id, r.plant_id)
       OR l.kind <> coalesce(u.kind, r.kind) OR (l.reverses_id IS NULL) <> (r.reverses_id IS NULL))
"""
_AT_RATES = """
    SELECT l.id, l.day FROM wages_wageline l LEFT JOIN wages_rate t ON t.id = l.rate_id
    LEFT JOIN production_operation o ON o.id = l.operation_id
    WHERE l.report_id IS NOT NULL AND (t.id IS NULL OR l.reverses_id IS NULL AND (
          l.day < t.valid_from OR l.day >= coalesce(t.valid_to, 'infinity')
       OR l.piece_price <> t.piece_price OR l.shift_minimum <> t.shift_minimum
       OR NOT t.is_own_pay AND l.hour_price <> t.hour_price
       OR coalesce(t.item_id, l.item_id) <> l.item_id OR coalesce(t.plant_id, l.plant_id) <> l.plant_id
       OR t.operation NOT IN ('', o.name)))
"""
_WHOLE = """
    WITH pieces AS (
        SELECT min(l.id::text) AS id, l.report_id, l.rate_id, sum(l.piece_amount + l.pooled_amount) AS told,
               round(l.piece_price * sum(l.quantity), 2) AS due
        FROM wages_wageline l WHERE l.reverses_id IS NULL AND l.report_id IS NOT NULL
        GROUP BY l.report_id, l.rate_id, l.piece_price
    ), times AS (
        SELECT min(l.id::text) AS id, l.report_id, sum(l.time_amount) AS told,
               round(l.hour_price * sum(l.minutes) / 60, 2) AS due
        FROM wages_wageline l WHERE l.reverses_id IS NULL AND l.report_id IS NOT NULL GROUP BY l.report_id, l.hour_price
    )
    SELECT id, report_id, told, due FROM pieces WHERE told <> due
    UNION ALL SELECT id, report_id, told, due FROM times WHERE told <> due
"""
_TAKEN_BACK = """
    SELECT r.id, u.reverses_id FROM production_report u JOIN wages_wageline l ON l.report_id = u.reverses_id
    LEFT JOIN wages_wageline r ON r.reverses_id = l.id
    WHERE u.reverses_id IS NOT NULL AND (r.id IS NULL OR r.report_id <> u.id
       OR (r.amount, r.piece_amount, r.time_amount, r.deduction_amount, r.quantity, r.minutes, r.day)
          <> (-l.amount, -l.piece_amount, -l.time_amount, -l.deduction_amount, -l.quantity, -l.minutes, l.day)
       OR (r.pool_id, r.pooled_amount) IS DISTINCT FROM (l.pool_id, -l.pooled_amount))
    UNION ALL
    SELECT r.id, r.sharing_id FROM wages_wageline r JOIN wages_wageline l ON l.id = r.reverses_id
    WHERE r.report_id IS NULL AND (r.amount, r.piece_amount, r.bonus_amount, r.day, r.employee_id, r.kind)
          <> (-l.amount, -l.piece_amount, -l.bonus_amount, l.day, l.employee_id, l.kind)
"""
_STATEMENTS = """
    SELECT s.id, s.number, s.amount, s.amount - s.top_up_amount, coalesce(i.amount, 0) FROM wages_statement s
    LEFT JOIN (
        SELECT i.statement_id, sum(l.amount) AS amount, sum(l.piece_amount) AS pieces, sum(l.time_amount) AS times,
               sum(l.deduction_amount) AS lost, sum(l.bonus_amount) AS given
        FROM wages_statementitem i JOIN wages_wageline l ON l.id = i.line_id GROUP BY 1
    ) i ON i.statement_id = s.id
    LEFT JOIN (
        SELECT statement_id, sum(amount) AS amount, sum(top_up_amount) AS more FROM wages_statementday GROUP BY 1
    ) d ON d.statement_id = s.id
    WHERE s.amount - s.top_up_amount <> coalesce(i.amount, 0) OR s.amount <> coalesce(d.amount, 0)
       OR s.top_up_amount <> coalesce(d.more, 0)
       OR (s.piece_amount, s.time_amount, s.deduction_amount, s.bonus_amount)
          <> (coalesce(i.pieces, 0), coalesce(i.times, 0), coalesce(i.lost, 0), coalesce(i.given, 0))
"""
_NOT_THEIRS = """
    SELECT s.id, s.number, l.id FROM wages_statementitem i JOIN wages_statement s ON s.id = i.statement_id
    JOIN wages_wageline l ON l.id = i.line_id
    WHERE (i.day, i.report_id, i.quantity, i.minutes, i.amount)
          IS DISTINCT FROM (l.day, l.report_id, l.quantity, l.minutes, l.amount)
       OR l.employee_id <> s.employee_id OR l.day > s.ends_on OR i.is_active = (s.state = 'reversed')
       OR NOT EXISTS (SELECT 1 FROM wages_approval a WHERE a.line_id IN (l.id, l.reverses_id))
"""
_POOLS = """
    SELECT s.id, s.day, s.amount, coalesce(i.amount, 0), coalesce(l.amount, 0), coalesce(p.amount, 0)
    FROM wages_sharing s
    LEFT JOIN (
        SELECT i.sharing_id, sum(l.pooled_amount) AS amount,
               bool_or(i.amount <> l.pooled_amount OR l.pool_id IS DISTINCT FROM s.pool_id OR l.day <> s.day
                   OR i.is_active <> s.is_current
                   OR NOT EXISTS (SELECT 1 FROM wages_approval a WHERE a.line_id IN (l.id, l.reverses_id))) AS is_wrong
        FROM wages_sharingitem i JOIN wages_wageline l ON l.id = i.line_id JOIN wages_sharing s ON s.id = i.sharing_id
        GROUP BY 1
    ) i ON i.sharing_id = s.id
    LEFT JOIN (SELECT sharing_id, sum(amount) AS amount FROM wages_sharingperson GROUP BY 1) p ON p.sharing_id = s.id
    LEFT JOIN (
        SELECT h.pool_id, h.day, sum(l.amount) AS amount
        FROM wages_wageline l JOIN wages_sharing h ON h.id = l.sharing_id
        GROUP BY 1, 2
    ) l ON (l.pool_id, l.day) = (s.pool_id, s.day)
    WHERE s.amount <> coalesce(i.amount, 0) OR s.amount <> coalesce(p.amount, 0) OR i.is_wrong
       OR s.is_current AND s.amount <> coalesce(l.amount, 0)
"""
_BONUSES = """
    SELECT b.id, b.day, b.amount, coalesce(l.amount, 0) FROM wages_bonus b
    LEFT JOIN (
        SELECT bonus_id, sum(amount) AS amount, bool_or(amount <> bonus_amount) AS is_mixed,
               count(DISTINCT (employee_id, day)) AS places, min(employee_id::text) AS employee, min(day) AS day
        FROM wages_wageline WHERE bonus_id IS NOT NULL GROUP BY 1
    ) l ON l.bonus_id = b.id
    WHERE coalesce(l.amount, 0) <> CASE WHEN b.state = 'approved' THEN b.amount ELSE 0 END OR l.is_mixed
       OR l.places > 1 OR l.employee <> b.employee_id::text OR l.day <> b.day
"""


@proof("wages.reports", L("工资明细与报工一致", "Wage lines say what reports say"))
def lines_are_of_reports() -> Found:
    """Prove that count, time and place of wage lines are those of somebody's part of the report."""
    return none_of(LINE, counted=_LINES, faults=_OF_REPORTS, text=L(
        "报工 {1} 的工资明细与其不符",
        "wage line of report {1} differs from it",
    ))


@proof("wages.rates", L("工资按当日有效的工价", "Wages are at rates valid on the day"))
def lines_are_at_rates() -> Found:
    """Prove that prices of wage lines are those of a rate that was valid on the day for that work."""
    return none_of(LINE, counted=_LINES, faults=_AT_RATES, text=L(
        "{1} 的工资明细与单价不符",
        "wage line of {1} is not at its rate",
    ))


@proof("wages.whole", L("各人工资之和等于报工数量乘工价", "Wages of those who share a report are count × rate"))
def parts_are_the_whole() -> Found:
    """Prove that the parts of a report at one price are price × count or time, to the cent."""
    return none_of(LINE, counted=_FIRST, faults=_WHOLE, text=L(
        "报工 {1} 计 {2}，按单价应为 {3}",
        "report {1} earned {2}, at its rate {3}",
    ))


@proof("wages.taken_back", L("撤销的报工冲回工资", "Wages of undone reports are taken back"))
def undone_reports_earn_nothing() -> Found:
    """Prove that every wage line of an undone report has its exact opposite."""
    return none_of(
        LINE, counted="SELECT count(*) FROM wages_wageline WHERE reverses_id IS NOT NULL", faults=_TAKEN_BACK,
        text=L("报工 {1} 的工资未按原样冲回", "wages of report {1} are not taken back as they were"),
    )  # fmt: skip


@proof("wages.statements", L("工资单等于其明细之和", "Statements are the sums of their lines"))
def statements_are_sums() -> Found:
    """Prove that a statement is the sum of its wage lines and of what is guaranteed, day by day."""
    return none_of(
        STATEMENT, counted="SELECT count(*) FROM wages_statement", faults=_STATEMENTS,
        text=L("工资单 {1} 为 {2}（应得 {3}），明细之和 {4}", "statement {1} says {2} ({3} earned), its lines {4}"),
    )  # fmt: skip


@proof("wages.items", L("工资单只付本人已审核的工资", "Statements pay approved wages of their person"))
def statements_pay_their_own() -> Found:
    """Prove that statements pay approved lines of their own person until their end, each line once."""
    return none_of(
        STATEMENT, counted="SELECT count(*) FROM wages_statementitem", faults=_NOT_THEIRS,
        text=L("工资单 {1} 不应支付工资明细 {2}", "statement {1} should not pay wage line {2}"),
    )  # fmt: skip


@proof("wages.pools", L("班组分配之和等于报工挣得", "What a pool shared is what its reports earned"))
def pools_share_what_they_earned() -> Found:
    """Prove that a day's sharing, its people, their wage lines and the approved reports it stands on are one sum."""
    return none_of(
        SHARING, counted="SELECT count(*) FROM wages_sharing", faults=_POOLS,
        text=L(
            "{1} 的分摊为 {2}，报工 {3}，工资明细 {4}，人员 {5}",
            "the sharing of {1} says {2}, its reports {3}, its wage lines {4}, its people {5}",
        ),
    )  # fmt: skip


@proof("wages.bonuses", L("手工奖扣与工资明细一致", "Bonuses are paid as approved"))
def bonuses_are_paid_once() -> Found:
    """Prove that an approved bonus has its amount in wage lines of its person and day, any other nothing."""
    return none_of(
        BONUS, counted="SELECT count(*) FROM wages_bonus", faults=_BONUSES,
        text=L("{1} 的奖金为 {2}，工资明细 {3}", "the bonus of {1} is {2}, its wage lines {3}"),
    )  # fmt: skip
