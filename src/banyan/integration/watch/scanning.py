"""A scan's run: both sides read in a stream, compared in the database, differences kept, those that are gone closed.

Rows of both sides lie in one table while a run lasts. Windows whose count, sum and contents agree are looked at no
further; of the others the keys are compared. A key that lies in another window on the other side is the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction

from banyan.integration import clocks, conditions, inbox, reads
from banyan.integration.connecting import Failed, Incoming, Page
from banyan.integration.mapping.models import KeyLink
from banyan.integration.models import Message
from banyan.integration.plans import Plan, limits_of, link_of, plan_of, refused
from banyan.integration.templates import MISSING, at
from banyan.integration.watch import rules
from banyan.integration.watch.checks import LINK, MESSAGE, our_rows
from banyan.integration.watch.errors import ScanFailed
from banyan.integration.watch.models import Discrepancy, Scan, ScanRow, ScanRun
from banyan.kernel import beside, db, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import Context
from banyan.kernel.impossible import Impossible, impossibles
from banyan.lib.errors import DomainError
from banyan.lib.labels import L, fill
from banyan.web.acting import HOME_ZONE

PIECE = 2_000
#: A partner is asked for more than is compared, since its time of a record may differ from ours.
SLACK = timedelta(days=1)
#: A message may have lain so long before it made its record.
HELD = timedelta(days=60)
MOST_PAGES, MOST_ROWS = 5_000, 1_000_000
#: So many differences of one run are kept as new; the run tells how many there were.
MOST_NEW = 5_000
MOST_IMPOSSIBLE = 10_000
SHOWN_WINDOWS = 100
#: A job's sign of progress: (done, total).
Told = Callable[[int, int | None], None]
Row = dict[str, Any]
T = TypeVar("T")


def run_scan(ctx: Context, scan: Scan, tell: Told = lambda _done, _total: None) -> ScanRun:
    """Run a scan; the run is kept, also one that failed.

    Takes:  tell: hears how many rows were read, and may refuse to go on
    Raises: ScanFailed; discrepancies are as they were
    Writes: the run; discrepancies in one statement; an inbox item for the owner where there is something new
    """
    run = ScanRun.objects.create(scan=scan, person_id=ctx.person, started_at=ctx.now)
    try:
        if scan.kind == "ours":
            _find_impossible(ctx, scan, run)
        else:
            _compare(ctx, scan, run, tell)
    except Exception as fault:
        failed = refused(fault)
        _end(run, state="failed", error=failed.text[:4000])
        if isinstance(fault, Failed):
            zh, _, en = failed.text.partition("\n")
            raise ScanFailed(scan=scan.code, why=L(zh, en or zh)) from fault
        raise
    finally:
        ScanRow.objects.filter(run=run).delete()
    _end(run, state="done")
    if run.new:
        _repair_or_tell(ctx, scan, run)
    return run


def _end(run: ScanRun, **values: Any) -> None:
    run.finished_at = datetime.now(UTC)
    for name, value in values.items():
        setattr(run, name, value)
    run.save()


# --- ours alone --------------------------------------------------------------------------------------------------


def _find_impossible(ctx: Context, scan: Scan, run: ScanRun) -> None:
    rows: list[Row] = []
    for key, one in impossibles().items():
        if not scan.checks or key in scan.checks:
            found = islice(one.function(ctx.now), MOST_IMPOSSIBLE)
            rows += (_impossible(one, record, facts) for record, facts in found)
    run.ours = len(rows)
    once = {row["key"]: row for row in rows}
    _keep(ctx, scan, run, _GIVEN, {"rows": orjson.dumps(list(once.values()), default=str).decode()})


def _impossible(one: Impossible, record: UUID, facts: Mapping[str, Any] | str) -> Row:
    facts = orjson.loads(facts) if isinstance(facts, str) else facts
    zh, en = (fill(text, facts, language) for text, language in ((one.label.zh, "zh"), (one.label.en, "en")))
    return dict(kind="impossible", key=f"{one.key} {record}", text=f"{zh}\n{en}"[:1000], noun=one.noun,
                record=record, facts=dict(facts))  # fmt: skip


# --- ours and theirs ---------------------------------------------------------------------------------------------


def _compare(ctx: Context, scan: Scan, run: ScanRun, tell: Told) -> None:
    run.since, run.until = rules.span(ctx.now, scan.days, scan.window_hours, scan.quiet_minutes)
    run.save()
    if scan.their_at:
        run.ours = _store(run, True, _ours(ctx, scan, run), tell, 0)
        run.theirs = _store(run, False, _theirs(scan, run, tell), tell, run.ours)
        _store(run, True, _at_other_times(ctx, scan, run), tell, run.ours + run.theirs)
    else:  # theirs first: what changes meanwhile has changed ours by then, and is left alone
        run.theirs = _store(run, False, _theirs(scan, run, tell), tell, 0)
        run.ours = _store(run, True, _ours(ctx, scan, run), tell, run.theirs)
        db.run(_AS_IT_STANDS, {"run": run.pk})
    windows = _windows(scan, run)
    slots = [one["slot"] for one in windows if not one["agrees"]]
    run.windows, run.windows_differ = len(windows), len(slots)
    run.sums = [one for one in windows if not one["agrees"]][:SHOWN_WINDOWS]
    _keep(ctx, scan, run, _DIFFERENT, {"run": run.pk, "slots": slots, "noun": scan.noun})


def _ours(ctx: Context, scan: Scan, run: ScanRun) -> Iterator[Row]:
    """Give our records under the key that is compared.

    Gives:  the outside code where links say so, else our own key; the name of the message that made it, with the time
            the partner says there, else what people call it by
    """
    told = _told(scan, run) if scan.key_field == MESSAGE else {}
    values = our_rows(ctx, scan).iterator(chunk_size=PIECE)
    for piece in pieces(values):
        links = _links(scan, [row[0] for row in piece]) if scan.key_field == LINK else {}
        for record, key, when, amount, *fields in piece:
            moment = _instant(when)
            name = links.get(record, str(record)) if scan.key_field == LINK else rules.canonical(key)
            if scan.key_field == MESSAGE:
                name, moment = told.get(record, (name or str(record), moment))
            if scan.their_at and (moment is None or not run.since - SLACK <= moment < run.until + SLACK):
                continue
            if scan.their_at:
                slot = _slot(scan, run, moment)
            else:
                slot, moment = (0 if moment is None or moment < run.until else None), None
            yield _our_row(scan, record, name, moment, slot, amount, fields)


def _our_row(
    scan: Scan, record: UUID, name: str, moment: datetime | None, slot: int | None, amount: Any, fields: Sequence[Any]
) -> Row:
    return dict(
        key=name[:200], at=moment, record=record, body=None, slot=slot,
        amount=rules.amount(amount) if scan.amount_field else None,
        fields={pair["ours"]: rules.canonical(one) for pair, one in zip(scan.fields, fields, strict=True)},
    )  # fmt: skip


def _told(scan: Scan, run: ScanRun) -> dict[UUID, tuple[str, datetime | None]]:
    """Give what a message of the flow that fetches made, each with the message's name and when it says it was."""
    made = Message.objects.filter(
        flow=scan.fetch_flow_id, state="done", record_noun=scan.noun, record__isnull=False,
        at__gte=run.since - SLACK - HELD,
    )  # fmt: skip
    rows = made.values_list("record", "source", "body").iterator(chunk_size=PIECE)
    return {record: (source, clocks.read(at(body, scan.their_at))) for record, source, body in rows}


_ALONE = """
    SELECT t.key FROM watch_scanrow t WHERE t.run_id = %(run)s AND NOT t.is_ours AND t.slot IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM watch_scanrow o WHERE o.run_id = t.run_id AND o.is_ours AND o.key = t.key)
"""


def _at_other_times(ctx: Context, scan: Scan, run: ScanRun) -> Iterator[Row]:
    """Give ours of keys that they list, though by our time they lie beyond what is compared: they are here."""
    if scan.key_field in (LINK, MESSAGE):
        return
    alone = [key for (key,) in db.rows(_ALONE, {"run": run.pk})]
    for keys in pieces(alone):
        try:
            rows = our_rows(ctx, scan).filter(**{f"{scan.key_field.replace('.', '__')}__in": keys})
        except (ValueError, ValidationError):  # what they list has keys that none of ours can have
            return
        for record, key, when, amount, *fields in rows:
            yield _our_row(scan, record, rules.canonical(key), _instant(when) or run.since, None, amount, fields)


def _links(scan: Scan, records: Sequence[UUID]) -> dict[UUID, str]:
    rows = KeyLink.objects.filter(system=scan.system.code, entity=scan.noun, record__in=records, is_main=True)
    return dict(rows.values_list("record", "code"))


def _theirs(scan: Scan, run: ScanRun, tell: Told) -> Iterator[Row]:
    """Give what the partner lists, page by page; what may pass is waited for and asked for again. Raises: Failed"""
    link, limits, listed = link_of(scan.system_id), limits_of(scan.system_id, scan.operation), 0
    if link is None or limits is None or scan.system.state != "active":
        raise Failed("refused", L("外部系统没有启用", "the outside system is not switched on"))
    connector, connect = link
    position = connector.position_at(connect(), scan.operation, run.since - SLACK)
    plan = plan_of(scan.fetch_flow_id) if scan.is_mapped or scan.key_field == MESSAGE else None

    def page_at(there: Any) -> Page:
        return connector.poll(connect(), scan.operation, there, PIECE)

    for _ in range(MOST_PAGES):
        page = reads.patiently(limits, partial(page_at, position), partial(tell, run.ours + listed, None))
        listed += len(page.messages)
        for one, body in _read(scan, plan, _held(scan, page.messages)):
            moment = clocks.read(at(body, scan.their_at)) if scan.their_at else None
            yield dict(
                key=_their_key(scan, one, body), at=moment, record=None, body=one.body,
                slot=(_slot(scan, run, moment) if _is_taken_in(plan, one) else None) if scan.their_at else 0,
                amount=rules.amount_at(body, scan.their_amount) if scan.their_amount else None,
                fields={pair["ours"]: _as_ours(pair, at(body, pair["theirs"])) for pair in scan.fields},
            )  # fmt: skip
        if not page.has_more:
            return
        position = page.position
    said = L("对方的清单超过 {n} 页", "their list is longer than {n} pages")
    raise Failed("too_large", said.filled({"n": MOST_PAGES}))


def _held(scan: Scan, messages: Sequence[Incoming]) -> Sequence[Incoming]:
    """Give what of their list is compared. Raises: Failed("mapping")"""
    wanted = scan.their_filter
    return [one for one in messages if conditions.is_true(wanted, one.body)] if wanted else messages


def _their_key(scan: Scan, one: Incoming, body: Any) -> str:
    """Give the key of something they list. Raises: Failed("mapping") where it has none"""
    if scan.key_field == MESSAGE:
        return inbox.source_of(one)
    key = at(body, scan.their_key, MISSING)
    if key is MISSING or key is None or key == "":
        said = L("对方的一条内容在 {path} 处没有键", "something they list has no key at {path}")
        raise Failed("mapping", said.filled({"path": scan.their_key}))
    return rules.canonical(key)[:200].lower() if scan.key_field == "id" else rules.canonical(key)[:200]


def _is_taken_in(plan: Plan | None, one: Incoming) -> bool:
    """Say whether the flow lets it through: what it leaves out need not be here, and may be."""
    try:
        return plan is None or plan.wants(one.body)
    except Failed:
        return True


def _read(scan: Scan, plan: Plan | None, messages: Sequence[Incoming]) -> Iterator[tuple[Incoming, Any]]:
    """Give what they list with what is compared of it; what cannot be mapped is a dead letter of the flow already."""
    if not scan.is_mapped:
        yield from ((one, one.body) for one in messages)
        return
    if plan is None:
        raise Failed("refused", L("重取用的流还没有启用过", "the flow that fetches again was never switched on"))
    for one, body in zip(messages, plan.map_all([one.body for one in messages]), strict=True):
        if not isinstance(body, Failed):
            yield one, body


def _as_ours(pair: dict[str, Any], value: Any) -> str:
    text = rules.canonical(value)
    return rules.canonical(pair.get("values", {}).get(text, value if text else None))


def _slot(scan: Scan, run: ScanRun, moment: datetime | None) -> int | None:
    return rules.slot_of(moment, run.since, run.until, scan.window_hours)


def _instant(when: Any) -> datetime | None:
    if isinstance(when, datetime):
        return when
    return datetime.combine(when, time(), ZoneInfo(HOME_ZONE)).astimezone(UTC) if isinstance(when, date) else None


_STORE = """
    INSERT INTO watch_scanrow (run_id, is_ours, key, at, slot, amount, fields, digest, record, body)
    SELECT %(run)s, %(is_ours)s::boolean, r.key, r.at, r.slot, r.amount, r.fields,
           hashtextextended(r.key || r.fields::text, 0), r.record, r.body
    FROM jsonb_to_recordset(%(rows)s::jsonb)
        r(key text, at timestamptz, slot int, amount numeric, fields jsonb, record uuid, body jsonb)
    ON CONFLICT (run_id, is_ours, key) DO UPDATE SET at = EXCLUDED.at, slot = EXCLUDED.slot,
        fields = EXCLUDED.fields,
        amount = CASE WHEN EXCLUDED.is_ours THEN coalesce(watch_scanrow.amount, 0) + EXCLUDED.amount
                      ELSE EXCLUDED.amount END, digest = EXCLUDED.digest, record = EXCLUDED.record,
        body = EXCLUDED.body
"""


def _store(run: ScanRun, is_ours: bool, rows: Iterable[Row], tell: Told, before: int) -> int:
    """Keep one side's rows, a piece at a time.

    Of one key the last counts; amounts of ours add up, for what they list once may be parts here.

    Raises: Failed where there are too many
    """
    count = 0
    for piece in pieces(rows):
        once: dict[str, Row] = {}
        for row in piece:
            before_it = once.get(row["key"])
            if is_ours and before_it and before_it["amount"] is not None and row["amount"] is not None:
                row["amount"] += before_it["amount"]
            once[row["key"]] = row
        count += len(piece)
        if count > MOST_ROWS:
            raise Failed("too_large", L("超过 {n} 行", "more than {n} rows").filled({"n": MOST_ROWS}))
        given = orjson.dumps(list(once.values()), default=str).decode().replace("\\u0000", "")
        db.run(_STORE, {"run": run.pk, "is_ours": is_ours, "rows": given})
        tell(before + count, None)
    return count


def pieces(rows: Iterable[T]) -> Iterator[list[T]]:
    """Give rows in lists of a size that one statement takes."""
    source = iter(rows)
    while piece := list(islice(source, PIECE)):
        yield piece


#: Of what is there now, ours alone is asked for, what neither side has any of is left out, and what of ours has just
#: changed is on its way.
_AS_IT_STANDS = """
    WITH alone AS (
        DELETE FROM watch_scanrow r WHERE r.run_id = %(run)s AND (NOT r.is_ours OR r.amount = 0)
          AND NOT EXISTS (SELECT 1 FROM watch_scanrow o
                          WHERE o.run_id = r.run_id AND o.is_ours <> r.is_ours AND o.key = r.key)
    )
    UPDATE watch_scanrow t SET slot = NULL FROM watch_scanrow o
    WHERE t.run_id = %(run)s AND NOT t.is_ours AND o.run_id = t.run_id AND o.is_ours AND o.key = t.key
      AND o.slot IS NULL
"""

_WINDOWS = """
    SELECT slot, count(*) FILTER (WHERE is_ours), count(*) FILTER (WHERE NOT is_ours),
        sum(amount) FILTER (WHERE is_ours), sum(amount) FILTER (WHERE NOT is_ours),
        sum(digest::numeric) FILTER (WHERE is_ours) IS NOT DISTINCT FROM sum(digest::numeric) FILTER (WHERE NOT is_ours)
    FROM watch_scanrow WHERE run_id = %s AND slot IS NOT NULL GROUP BY slot ORDER BY slot
"""


def _windows(scan: Scan, run: ScanRun) -> list[Row]:
    """Give the windows with counts and sums of both sides. One statement."""
    found = []
    for slot, ours, theirs, our_sum, their_sum, is_same in db.rows(_WINDOWS, [run.pk]):
        begins = run.since + timedelta(hours=scan.window_hours * slot)
        found.append(dict(
            slot=slot, begins=begins.isoformat(), ours=ours, theirs=theirs,
            our_sum=None if our_sum is None else f"{our_sum.normalize():f}",
            their_sum=None if their_sum is None else f"{their_sum.normalize():f}",
            agrees=is_same and ours == theirs and our_sum == their_sum,
        ))  # fmt: skip
    return found


# --- differences that are kept -----------------------------------------------------------------------------------

_GIVEN = """
    SELECT r.kind, r.key, r.text, r.noun, r.record, NULL::timestamptz AS at, r.facts, NULL::jsonb AS body
    FROM jsonb_to_recordset(%(rows)s::jsonb) r(kind text, key text, text text, noun text, record uuid, facts jsonb)
"""
_DIFFERENT = """
    SELECT CASE WHEN t.key IS NULL THEN 'missing_there' WHEN o.key IS NULL THEN 'missing_here' ELSE 'different' END
               AS kind,
           coalesce(o.key, t.key) AS key, '' AS text, %(noun)s::text AS noun, o.record,
           coalesce(CASE WHEN o.slot IS NOT NULL THEN o.at END, t.at, o.at) AS at,
           CASE WHEN o.key IS NULL OR t.key IS NULL THEN coalesce(o.fields, t.fields) ELSE (
               SELECT coalesce(jsonb_object_agg(k, jsonb_build_array(o.fields -> k, t.fields -> k)), '{}')
               FROM jsonb_object_keys(o.fields) k WHERE o.fields -> k IS DISTINCT FROM t.fields -> k) END
           || CASE WHEN o.amount IS DISTINCT FROM t.amount AND o.key IS NOT NULL AND t.key IS NOT NULL
                   THEN jsonb_build_object('=', jsonb_build_array(o.amount, t.amount)) ELSE '{}' END AS facts,
           t.body
    FROM (SELECT * FROM watch_scanrow WHERE run_id = %(run)s AND is_ours) o
    FULL JOIN (SELECT * FROM watch_scanrow WHERE run_id = %(run)s AND NOT is_ours) t ON t.key = o.key
    WHERE (o.key IS NULL OR t.key IS NULL OR o.fields <> t.fields OR o.amount IS DISTINCT FROM t.amount)
      AND (o.slot = ANY(%(slots)s::int[]) OR t.slot = ANY(%(slots)s::int[]))
"""
#: What is seen again is the same; what is new is open; what is gone, of the time compared, is closed.
_KEEP = """
    WITH diff AS MATERIALIZED ({diff}),
    seen AS (
        UPDATE watch_discrepancy d
        SET last_seen_at = %(now)s, last_run = %(this)s, times = d.times + 1, facts = x.facts, body = x.body,
            text = x.text, state = CASE WHEN d.state = 'repairing' THEN 'open' ELSE d.state END,
            version = d.version + CASE WHEN d.state = 'repairing' THEN 1 ELSE 0 END
        FROM diff x WHERE d.scan_id = %(scan)s AND d.state <> 'closed' AND d.kind = x.kind AND d.key = x.key
        RETURNING 1
    ), made AS (
        INSERT INTO watch_discrepancy (id, version, created_at, created_by_id, changed_at, changed_by_id, scan_id, kind,
            key, text, noun, record, at, facts, body, state, proposed, owner_id, reason, first_seen_at, last_seen_at,
            last_run, times)
        SELECT gen_random_uuid(), 1, %(now)s, %(person)s, %(now)s, %(person)s, %(scan)s, x.kind, x.key, x.text, x.noun,
            x.record, x.at, x.facts, x.body, 'open',
            CASE WHEN x.kind IN ('missing_there', 'different') AND %(sends)s::boolean THEN 'send_again'
                 WHEN x.kind = 'missing_here' AND %(fetches)s::boolean THEN 'fetch_again'
                 WHEN x.kind = 'different' AND %(fetches)s::boolean AND NOT %(happens)s::boolean THEN 'fetch_again'
                 ELSE 'task' END,
            %(owner)s, '', %(now)s, %(now)s, %(this)s, 1
        FROM diff x
        WHERE NOT EXISTS (SELECT 1 FROM watch_discrepancy d WHERE d.scan_id = %(scan)s AND d.state <> 'closed'
                          AND d.kind = x.kind AND d.key = x.key)
        ORDER BY x.at NULLS FIRST, x.key LIMIT %(most)s
        RETURNING 1
    ), gone AS (
        UPDATE watch_discrepancy d SET state = 'closed', closed_at = %(now)s, version = d.version + 1,
            changed_at = %(now)s, changed_by_id = %(person)s
        WHERE d.scan_id = %(scan)s AND d.state <> 'closed'
          AND (d.at IS NULL OR d.at >= %(since)s::timestamptz AND d.at < %(until)s::timestamptz)
          AND NOT EXISTS (SELECT 1 FROM diff x WHERE x.kind = d.kind AND x.key = d.key)
          AND NOT EXISTS (SELECT 1 FROM watch_scanrow r WHERE r.run_id = %(this)s AND r.is_ours AND r.key = d.key
                          AND r.at IS NULL AND r.slot IS NULL)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM diff), (SELECT count(*) FROM made), (SELECT count(*) FROM gone)
"""


def _keep(ctx: Context, scan: Scan, run: ScanRun, diff: str, facts: Row) -> None:
    """Keep what a run found, in one statement. Writes: discrepancies; counts of the run"""
    with transaction.atomic():
        db.one("SELECT pg_advisory_xact_lock(hashtextextended('watch.scan ' || %s::text, 0))", [scan.pk])
        run.found, run.new, run.gone = db.one(_KEEP.replace("{diff}", diff), facts | dict(
            scan=scan.pk, this=run.pk, now=ctx.now, person=ctx.person, owner=scan.owner_id, most=MOST_NEW,
            since=run.since, until=run.until, sends=scan.send_flow_id is not None,
            fetches=scan.fetch_flow_id is not None, happens=scan.key_field in (MESSAGE, "id"),
        ))  # fmt: skip


def _repair_or_tell(ctx: Context, scan: Scan, run: ScanRun) -> None:
    """Send or fetch again what is new where the scan repairs by itself; tell the owner what is left."""
    new = Discrepancy.objects.filter(scan=scan, last_run=run.pk, times=1, state="open")
    if scan.repairs_itself:
        for name in ("send_again", "fetch_again"):
            keys = list(new.filter(proposed=name).order_by("pk").values_list("pk", flat=True))
            for piece in pieces(keys):
                repair = registry.command(f"watch.discrepancy.{name}")
                try:
                    execute(ctx, repair, ids=piece)
                except DomainError:  # what cannot be repaired keeps nobody from what can
                    execute(ctx, repair, ids=piece, each=True)
    left = new.count()
    if left and scan.owner_id:
        text = L("核对 {scan}：{n} 处新差异待处理", "Scan {scan}: {n} new discrepancies to see to")
        beside.notify(ctx, (scan.owner_id,), "discrepancy", text.filled({"scan": scan.name, "n": left}),
                      "watch.scan", scan.pk)  # fmt: skip


def purge(now: datetime) -> None:
    """Fail runs that were broken off. Writes: runs; removes their rows"""
    stale = ScanRun.objects.filter(state="running", started_at__lt=now - timedelta(hours=6))
    ScanRow.objects.filter(run__in=stale).delete()
    stale.update(state="failed", finished_at=now, error=_BROKEN_OFF)


_BROKEN_OFF = "核对中断\nthe scan was broken off"
