"""Files and tables over HTTP: keep a file, import a table, take an import back, export a list."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import IO, Any
from uuid import UUID

import orjson
from django.http import HttpResponse

from banyan.kernel import exchange, files
from banyan.kernel.models import ImportBatch
from banyan.kernel.nouns import Noun
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L
from banyan.web.rest import answers, bodies, parameters
from banyan.web.rest.resources import Call

FORMS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def keep_file(call: Call) -> HttpResponse:
    """Keep a file's content; what it belongs to is said by a record's `attach`."""
    name, pieces, _ = bodies.read_upload(call.request, bodies.FILE_MOST)
    row = files.store(PurePath(name.replace("\\", "/")).name[-255:], pieces)
    return answers.answer(
        {
            "digest": row.digest,
            "size": row.size,
            "media_type": row.media_type,
            "has_thumbnail": row.has_thumbnail,
        },
        201,
    )


def import_table(call: Call, noun: Noun) -> HttpResponse:
    """Import a table, or with dry_run say what it would do and everything that is wrong with it.

    Gives:  200 {rows, creates, changes, faults, fault_count} of a check; 201 {batch, rows, made, changed}
    """
    with exchange.audited(call.ctx, noun):
        name, pieces, given = bodies.read_upload(call.request, bodies.TABLE_MOST)
        kept = _kept(pieces)
    with kept:
        with exchange.audited(call.ctx, noun):
            table = exchange.read_table(name, Path(kept.name))
        return _import(call, noun, table, given)


def _kept(pieces: Iterator[bytes]) -> IO[bytes]:
    """Put a table where it can be read piece by piece, as often as wanted; it goes when it is closed."""
    kept = tempfile.NamedTemporaryFile(prefix="banyan-table-")  # noqa: SIM115  closed by whoever asked
    try:
        kept.writelines(pieces)
        kept.flush()
    except BaseException:
        kept.close()
        raise
    return kept


def _import(call: Call, noun: Noun, table: exchange.Table, given: Mapping[str, str]) -> HttpResponse:
    mapping = (
        _mapping(given["mapping"]) if given.get("mapping") else exchange.suggest_map(noun, table.columns)
    )
    if call.dry_run or parameters.flag(given.get("dry_run"), "dry_run"):
        found = exchange.check(call.ctx, noun, table, mapping)
        return answers.answer(
            {
                "rows": found.rows,
                "creates": found.creates,
                "changes": found.changes,
                "mapping": mapping,
                "faults": [
                    {"row": f.row, "column": f.column, "text": f.text.in_(call.ctx.language)}
                    for f in found.faults
                ],
                "fault_count": found.fault_count,
            }
        )
    batch = exchange.run(call.ctx, noun, table, mapping)
    return answers.answer(_batch(batch), 201, Location=f"{answers.ROOT}/{noun.spec.path}/import/{batch.pk}")


def read_import(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Give what an import did."""
    call.ctx.require(noun.spec.permission("create"), noun.spec.label)
    return answers.answer(_batch(_batch_of(noun, key)))


def undo_import(call: Call, noun: Noun, key: UUID) -> HttpResponse:
    """Take an import back, wholly or not at all."""
    with exchange.audited(call.ctx, noun, exchange.undo_command):
        _batch_of(noun, key)
    return answers.answer(_batch(exchange.undo(call.ctx, key)))


def export_table(call: Call, noun: Noun) -> HttpResponse:
    """Give a list as CSV or XLSX; `full=true` gives every writable field and line, as import reads them."""
    given = call.request.GET
    form = given.get("format", "csv")
    if form not in FORMS:
        raise Invalid(
            "export_format", L("format 须为 csv 或 xlsx", "format must be csv or xlsx"), {"format": form[:20]}
        )
    query = parameters.query_of(noun, given)
    if not given.get("fields"):
        query = exchange.reading.Query(**{**query.__dict__, "columns": ()})
    pieces = exchange.export(call.ctx, noun, query, form, full=parameters.flag(given.get("full"), "full"))
    first = next(pieces, b"")
    return answers.download(itertools.chain((first,), pieces), f"{noun.spec.plural_key}.{form}", FORMS[form])


def _mapping(text: str) -> dict[str, str]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise bodies.Malformed(form="JSON (mapping)", fault=str(fault)) from None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise Invalid(
            "map_shape",
            L("mapping 须为 {列名: 字段} 的 JSON 对象", "mapping must be a JSON object {column: field}"),
        )
    return found


def _batch_of(noun: Noun, key: UUID) -> ImportBatch:
    found = ImportBatch.objects.filter(pk=key, noun=noun.spec.key).first()
    if found is None:
        raise NotFound("import_unknown", L("没有这次导入", "There is no such import"), {"id": key})
    return found


def _batch(batch: ImportBatch) -> dict[str, Any]:
    return {
        "batch": str(batch.pk),
        "state": batch.state,
        "rows": batch.rows,
        "made": batch.made,
        "changed": batch.changed,
    }
