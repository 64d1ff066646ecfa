"""Every write of exceptions: raised, put right step by step, escalated; and the usual master data."""

from banyan.modules.exceptions.commands.escalating import escalate_overdue
from banyan.modules.exceptions.commands.raising import raise_exception
from banyan.modules.exceptions.commands.solving import (
    assign_exceptions,
    cancel_exceptions,
    close_exceptions,
    contain_exceptions,
    grade_exceptions,
    reopen_exceptions,
    resolve_exceptions,
    take_exceptions,
)
from banyan.modules.exceptions.commands.usual import add_usual

__all__ = [
    "add_usual",
    "assign_exceptions",
    "cancel_exceptions",
    "close_exceptions",
    "contain_exceptions",
    "escalate_overdue",
    "grade_exceptions",
    "raise_exception",
    "reopen_exceptions",
    "resolve_exceptions",
    "take_exceptions",
]
