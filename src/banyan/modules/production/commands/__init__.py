"""Every write of production, by what is done: the life of orders, reports, material, completions,
deviations."""

from banyan.modules.production.commands.approving import approve_reports, book_again, correct_report
from banyan.modules.production.commands.assigning import assign_work, settle_flags
from banyan.modules.production.commands.cards import finish_card, make_card, tell_used, use_material
from banyan.modules.production.commands.completions import complete_orders, reverse_completions
from banyan.modules.production.commands.deviating import (
    add_material,
    add_operation,
    move_operation,
    reroute_operation,
    skip_operation,
    substitute_material,
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
    take_back_told,
    waive_debts,
)
from banyan.modules.production.commands.orders import cancel_orders, close_orders, firm_orders, release_orders
from banyan.modules.production.commands.outside import (
    receive_outside,
    return_outside,
    subcontract_operation,
    use_outside,
)
from banyan.modules.production.commands.reports import report_work, undo_report
from banyan.modules.production.commands.resizing import change_quantity, split_order
from banyan.modules.production.commands.revising import change_revision
from banyan.modules.production.commands.reworking import return_rework, send_for_rework
from banyan.modules.production.commands.tallies import tally_work

__all__ = [
    "add_material",
    "add_operation",
    "approve_reports",
    "arrange_tasks",
    "assign_work",
    "book_again",
    "cancel_orders",
    "change_quantity",
    "change_revision",
    "close_orders",
    "complete_drafts",
    "complete_orders",
    "correct_report",
    "dispatch_work",
    "finish_card",
    "firm_orders",
    "issue_kept",
    "issue_material",
    "make_card",
    "move_operation",
    "prioritise_orders",
    "receive_outside",
    "release_orders",
    "report_work",
    "reroute_operation",
    "return_material",
    "return_outside",
    "return_rework",
    "reverse_completions",
    "reverse_issues",
    "send_for_rework",
    "settle_debts",
    "settle_flags",
    "skip_operation",
    "split_order",
    "subcontract_operation",
    "substitute_material",
    "supplement_material",
    "take_back_told",
    "tally_work",
    "tell_used",
    "undo_report",
    "use_material",
    "use_outside",
    "waive_debts",
]
