"""What must never be false of the company's master data."""

from __future__ import annotations

from banyan.kernel.proofs import Found, none_of, proof
from banyan.lib.labels import L

_ABOVE_ITSELF = """
    WITH RECURSIVE above AS (
        SELECT id, parent_id FROM company_department WHERE parent_id IS NOT NULL
        UNION
        SELECT a.id, d.parent_id FROM above a JOIN company_department d ON d.id = a.parent_id
        WHERE d.parent_id IS NOT NULL
    )
    SELECT d.id, d.code FROM above a JOIN company_department d ON d.id = a.id WHERE a.parent_id = a.id
"""


@proof("company.departments", L("部门层级没有循环", "No department stands under itself"))
def departments_form_trees() -> Found:
    """Prove that parents never lead back to where one started."""
    return none_of(
        "company.department", counted="SELECT count(*) FROM company_department", faults=_ABOVE_ITSELF,
        text=L("部门 {1} 归属于自己", "department {1} stands under itself"),
    )  # fmt: skip
