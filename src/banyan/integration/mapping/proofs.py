"""What must never be false of key links and decided duplicates."""

from __future__ import annotations

from banyan.kernel.proofs import Found, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L

#: A link outlives a record that somebody deletes: the daily cross-check tells of it, and a person takes it away.
_NAMED = (
    Reference(
        "mapping.key_link", L("主键对照", "key link"), "mapping_keylink", noun="entity", record="record",
        called="r.system || ' ' || r.code", may_go=True,
    ),
    Reference(
        "mapping.duplicate", L("疑似重复", "duplicate"), "mapping_duplicate", noun="entity", record="record",
        called="r.system || ' ' || r.code", may_go=True,
    ),
    Reference(
        "mapping.duplicate", L("疑似重复的候选", "candidate of a duplicate"),
        "(SELECT c.duplicate_id, c.record, d.entity FROM mapping_candidate c "
        "JOIN mapping_duplicate d ON d.id = c.duplicate_id)",
        noun="entity", record="record", key="duplicate_id", may_go=True,
    ),
    Reference(
        "mapping.merge", L("合并记录", "merge"), "mapping_merge", noun="entity", record="winner", may_go=True,
    ),
)  # fmt: skip


@proof(
    "mapping.references",
    L("主键对照、疑似重复和合并所指的记录存在", "What key links, duplicates and merges name exists"),
)
def what_links_name_exists() -> Found:
    """Look up the records of ours that outside codes stand for, may stand for, or were merged into."""
    return exist(*_NAMED)
