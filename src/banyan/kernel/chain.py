"""The audit chain: committed audit rows are sealed in batches, each seal hashing the one before.

A seal covers exactly the rows whose transaction number lies between the last seal's horizon and its own, so a row
that appeared late is in the next one and none is in two. The head (number, horizon, hash) is also written to a file
outside the database: whoever rewrites rows and seals alike must rewrite that file too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
from django.conf import settings
from django.db import connection, transaction

from banyan.kernel import db
from banyan.kernel.models import AuditSeal
from banyan.kernel.proofs import Fault, Found, proof
from banyan.lib.labels import L

_LOCK = 0x7365616C
_FIRST = b"\0" * 32
_ROWS = """
SELECT jsonb_build_array(id, seq, xid, at, device_at, person, program, through, command, noun, records, input,
                         outcome, code, key)::text
FROM kernel_audit WHERE xid >= %s AND xid < %s ORDER BY seq
"""


def head_file() -> Path:
    """Give the file that keeps the chain's head outside the database."""
    return Path(settings.BANYAN_AUDIT_HEAD)


def seal(now: datetime | None = None) -> AuditSeal | None:
    """Seal all audit rows that have committed since the last seal; None when there are none.

    Writes: one seal; the head file, replaced whole after commit
    """
    with transaction.atomic():
        db.one("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditSeal.objects.order_by("-no").first()
        since, previous = (last.horizon, bytes(last.hash)) if last else (0, _FIRST)
        horizon = db.one("SELECT banyan_horizon()")[0]
        rows, digest = _hash(previous, since, horizon)
        if not rows:
            return None
        made = AuditSeal(no=(last.no if last else 0) + 1, horizon=horizon, rows=rows, previous=previous, hash=digest,
                         at=now or datetime.now(UTC))
        AuditSeal.objects.bulk_create([made])
        transaction.on_commit(lambda: _write_head(made))
    return made


def _hash(previous: bytes, since: int, until: int) -> tuple[int, bytes]:
    hasher, count = hashlib.sha256(previous), 0
    for text in _texts(since, until):
        hasher.update(hashlib.sha256(text.encode()).digest())
        count += 1
    return count, hasher.digest()


def _texts(since: int, until: int) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [since, until])
        while rows := cursor.fetchmany(2000):
            for (text,) in rows:
                yield text


def _write_head(made: AuditSeal) -> None:
    path = head_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("wb") as out:
        out.write(orjson.dumps({"no": made.no, "horizon": made.horizon, "hash": bytes(made.hash).hex(),
                                "at": made.at.isoformat()}))
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, path)


@proof("kernel.audit_chain", L("审计链完整，且与库外链头一致", "The audit chain is whole and ends at its outside head"))
def chain_is_whole() -> Found:
    """Hash every seal again from its rows, name the first seals that do not agree, and compare the outside head."""
    faults: list[Fault] = []
    previous, since, no, rows = _FIRST, 0, 0, 0
    for one in AuditSeal.objects.order_by("no"):
        no += 1
        count, digest = _hash(previous, since, one.horizon)
        rows += count
        if one.no != no:
            faults.append(Fault("kernel.audit_seal", str(one.pk),
                                L(f"缺少封印 {no}，其后是 {one.no}", f"seal {no} is missing; {one.no} follows")))
            no = one.no
        elif bytes(one.previous) != previous:
            faults.append(Fault("kernel.audit_seal", str(one.pk),
                                L(f"封印 {one.no} 与封印 {no - 1} 不相接",
                                  f"seal {one.no} does not follow from seal {no - 1}")))
        elif count != one.rows:
            why = L(f"封印 {one.no} 含 {one.rows} 行，现有 {count} 行",
                    f"seal {one.no} covers {one.rows} rows; {count} are there")
            faults.append(Fault("kernel.audit_seal", str(one.pk), why))
        elif digest != bytes(one.hash):
            faults.append(Fault("kernel.audit_seal", str(one.pk),
                                L(f"封印 {one.no} 内有一行被改动", f"a row under seal {one.no} was altered")))
        previous, since = bytes(one.hash), one.horizon
    faults += _head_faults(no, previous)
    return Found(rows, tuple(faults), len(faults))


def _head_faults(no: int, digest: bytes) -> list[Fault]:
    path = head_file()
    if not path.exists():
        why = L(f"库外链头 {path.name} 不见了", f"the outside head {path.name} is missing")
        return [Fault("kernel.audit_seal", "", why)] if no else []
    head = orjson.loads(path.read_bytes())
    if head["no"] > no:
        why = L(f"库外链头指向封印 {head['no']}，审计链止于 {no}",
                f"the outside head names seal {head['no']}; the chain ends at {no}")
        return [Fault("kernel.audit_seal", "", why)]
    kept = AuditSeal.objects.filter(no=head["no"]).first()
    if kept is None or bytes(kept.hash).hex() != head["hash"]:
        why = L(f"封印 {head['no']} 与库外链头不同", f"seal {head['no']} differs from the outside head")
        return [Fault("kernel.audit_seal", "", why)]
    return []
