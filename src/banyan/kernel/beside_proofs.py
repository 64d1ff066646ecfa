"""What the kernel proves of what lies beside records and names them by noun and key, without a foreign key."""

from __future__ import annotations

from banyan.kernel import db, registry
from banyan.kernel.proofs import SHOWN, Fault, Found, proof
from banyan.lib.labels import L

#: Tables that name a record by noun and key, and what a row of each is called.
_TABLES = {
    "kernel_comment": L("评论", "comment"), "kernel_attachment": L("附件", "attachment"),
    "kernel_inboxitem": L("待办", "inbox item"),
}  # fmt: skip
GONE = L("{what}所指的 {noun} {record} 不存在", "{what} names {noun} {record}, which does not exist")


@proof(
    "kernel.beside",
    L("评论、附件和待办所指的单据都存在", "Every comment, attachment and inbox item names a record that exists"),
)
def what_lies_beside_names_records() -> Found:
    """Name comments, attachments and inbox items whose record is gone, or whose noun there is not.

    An inbox item that is about no record names none.
    """
    named = db.rows(" UNION ALL ".join(
        f"SELECT '{table}', noun, count(*) FROM {table} WHERE record IS NOT NULL GROUP BY noun" for table in _TABLES
    ))  # fmt: skip
    lost = [row for table, noun, _ in named for row in db.rows(_lost(table, noun), [noun])]
    faults = tuple(
        Fault(f"kernel.{_TABLES[table].en.replace(' ', '_')}", str(key), GONE.filled(
            {"what": _TABLES[table], "noun": noun, "record": record}
        ))
        for table, key, noun, record in lost[:SHOWN]
    )  # fmt: skip
    return Found(sum(count for _, _, count in named), faults, len(lost))


def _lost(table: str, noun: str) -> str:
    """Give the statement for rows of a table that name a record of a noun which is not there."""
    rows = f"SELECT '{table}', b.id, b.noun, b.record FROM {table} b WHERE b.noun = %s AND b.record IS NOT NULL"
    if not registry.has_noun(noun):
        return rows
    meta = registry.noun(noun).model._meta
    return f'{rows} AND NOT EXISTS (SELECT FROM "{meta.db_table}" r WHERE r."{meta.pk.column}" = b.record)'
