"""What the kernel proves of what lies beside records and names them by noun and key, without a foreign key."""

from __future__ import annotations

from banyan.kernel.proofs import Found, proof
from banyan.kernel.references import Reference, exist
from banyan.lib.labels import L

_NAMED = tuple(
    Reference(f"kernel.{noun}", what, table, noun="noun", record="record")
    for noun, what, table in (
        ("comment", L("评论", "comment"), "kernel_comment"),
        ("attachment", L("附件", "attachment"), "kernel_attachment"),
        ("inbox_item", L("待办", "inbox item"), "kernel_inboxitem"),
    )
)


@proof(
    "kernel.beside",
    L("评论、附件和待办所指的单据都存在", "Every comment, attachment and inbox item names a record that exists"),
)
def what_lies_beside_names_records() -> Found:
    """Name comments, attachments and inbox items whose record is gone, or whose noun there is not.

    An inbox item that is about no record names none. What lies beside a record goes with it.
    """
    return exist(*_NAMED)
