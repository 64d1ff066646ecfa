"""Every write of production, by what is done: the life of orders, reports, material, completions,
deviations."""

from banyan.modules.production.commands.approving import approve_reports, correct_report
from banyan.modules.production.commands.assigning import assign_work, settle_flags
from banyan.modules.production.commands.completions import complete_orders, reverse_completions
from banyan.modules.production.commands.deviating import (
    add_material,
    add_operation,
    reroute_operation,
    skip_operation,
)
from banyan.modules.production.commands.dispatching import arrange_tasks, dispatch_work, prioritise_orders
from banyan.modules.production.commands.drafts import complete_drafts
from banyan.modules.production.commands.materials import (
    issue_kept,
    issue_material,
    return_material,
    reverse_issues,
    settle_debts,
    supplement_material,
    waive_debts,
)
from banyan.modules.production.commands.orders import cancel_orders, close_orders, firm_orders, release_orders
from banyan.modules.production.commands.reports import report_work, undo_report
from banyan.modules.production.commands.tallies import tally_work

__all__ = [
    "add_material",
    "add_operation",
    "approve_reports",
    "arrange_tasks",
    "assign_work",
    "cancel_orders",
    "close_orders",
    "complete_drafts",
    "complete_orders",
    "correct_report",
    "dispatch_work",
    "firm_orders",
    "issue_kept",
    "issue_material",
    "prioritise_orders",
    "release_orders",
    "report_work",
    "reroute_operation",
    "return_material",
    "reverse_completions",
    "reverse_issues",
    "settle_debts",
    "settle_flags",
    "skip_operation",
    "supplement_material",
    "tally_work",
    "undo_report",
    "waive_debts",
]
