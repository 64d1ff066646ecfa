"""Proves pairs of (noun key, id): where a table names a record of another noun without a foreign key, it must be there.

    exist(Reference(
        "inventory.move", L("库存移动", "stock move"), "inventory_move",
        noun="origin_noun", record="origin", line="origin_line",
    ))

Not proved is what only tells of the past, whose records may be gone since: audit, history, outbox and messages,
imports, runs of sagas, findings of scans and checks, and plans that are not the current one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from banyan.kernel import db, registry
from banyan.kernel.proofs import SHOWN, Fault, Found
from banyan.lib.labels import L, Label

_GONE = L("{what}所指的 {noun} {record} 不存在", "{what} names {noun} {record}, which does not exist")
_LINE_GONE = L("{what}所指的 {noun} 明细 {record} 不存在", "{what} names line {record} of {noun}, which does not exist")

#: What may go is no fault once somebody has deleted it, or a line of it by changing the draft: the audit says so.
_TAKEN_AWAY = """
    NOT EXISTS (SELECT FROM kernel_audit a WHERE a.records @> ARRAY[x.record] AND a.outcome = 'done'
                AND a.command = ANY(%s::text[]))
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where the rows of a table name a record by noun and id, or a line of it; an empty id names nothing.

    Takes:  holder: the noun under which a fault is told, its record that which `key` names; what: how a row is called,
            `called` its number or code (SQL over the row, r)
            table: anything that may stand after FROM
            noun: the column of the noun's key; or `nouns`: it is one of these
            record, line: the columns of the ids; at least one
            only: a condition on the rows (SQL over r)
            may_go: drafts or master data, which people may delete though this names them
            records, lines: nouns under whose key records, or lines, of another noun are named
    """

    holder: str
    what: Label
    table: str
    noun: str = ""
    record: str = ""
    line: str = ""
    nouns: tuple[str, ...] = ()
    key: str = "id"
    called: str = "''"
    only: str = "true"
    may_go: bool = False
    records: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)

    def counted(self) -> list[tuple[tuple[str, ...], int, int]]:
        """Give the nouns that are named, each with how many records and lines. One statement."""
        noun = f'r."{self.noun}"' if self.noun else "''"
        counts = ", ".join(f'count(r."{column}")' if column else "0" for column in (self.record, self.line))
        rows = db.rows(f"SELECT {noun}, {counts} FROM {self.table} r WHERE {self.only} GROUP BY 1 ORDER BY 1")
        return [(self.nouns or (key,), records, lines) for key, records, lines in rows]

    def lost(self, nouns: tuple[str, ...], column: str, tables: list[tuple[str, str]]) -> list[tuple]:
        """Give (key, called, id) of rows whose id is in none of the tables. One statement."""
        there = "".join(
            f' AND NOT EXISTS (SELECT FROM "{table}" t WHERE t."{pk}" = r."{column}")' for table, pk in tables
        )
        of = f'r."{self.noun}" = %s' if self.noun else "true"
        goes = _TAKEN_AWAY if self.may_go else "true"
        meant = self.records.get(nouns[0], nouns[0])
        verbs = ("delete", "change") if column == self.line else ("delete",)
        params = [*([nouns[0]] if self.noun else ()), *([[f"{meant}.{v}" for v in verbs]] if self.may_go else ())]
        return db.rows(
            f"""
            WITH x AS MATERIALIZED (
                SELECT r."{self.key}" AS key, {self.called} AS called, r."{column}" AS id,
                       r."{self.record or column}" AS record
                FROM {self.table} r WHERE {of} AND r."{column}" IS NOT NULL AND {self.only}{there}
            )
            SELECT x.key, x.called, x.id FROM x WHERE {goes} ORDER BY x.key
            """,
            params,
        )


def exist(*references: Reference) -> Found:
    """Look up all that some tables name: one statement per table, and one per noun that it names."""
    counted, broken = 0, 0
    faults: list[Fault] = []
    for one in references:
        for nouns, column, tables, text, number in _asked(one):
            counted += number
            rows = one.lost(nouns, column, tables) if number else []
            broken += len(rows)
            faults += [
                Fault(one.holder, str(key), text.filled({
                    "what": _called(one.what, called), "noun": " / ".join(nouns), "record": record,
                }))
                for key, called, record in rows[:SHOWN]
            ]  # fmt: skip
    return Found(counted, tuple(faults[:SHOWN]), broken)


def _asked(one: Reference) -> Iterator[tuple[tuple[str, ...], str, list[tuple[str, str]], Label, int]]:
    for nouns, records, lines in one.counted():
        if one.record:
            yield nouns, one.record, _tables(nouns, one.records, of_lines=False), _GONE, records
        if one.line:
            yield nouns, one.line, _tables(nouns, one.lines, of_lines=True), _LINE_GONE, lines


def _tables(nouns: tuple[str, ...], others: Mapping[str, str], *, of_lines: bool) -> list[tuple[str, str]]:
    """Give table and key column where nouns' records are, or their lines; a noun without lines is one itself."""
    found = []
    for key in (others.get(one, one) for one in nouns):
        if registry.has_noun(key):
            noun = registry.noun(key)
            models = list(noun.line_models.values()) if of_lines else []
            found += [(model._meta.db_table, model._meta.pk.column) for model in models or [noun.model]]
    return found


def _called(what: Label, called: str | None) -> Label:
    return L(f"{what.zh} {called}", f"{what.en} {called}") if called else what
