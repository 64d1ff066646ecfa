"""The roles of a factory, with sensible defaults: who may do what, how far, and what each sees first.

They are written once, where there is no role yet; after that they belong to whoever administers the factory
(`banyan user`, or the screens of users and roles). A grant is (permission or pattern, reach). One that a later version
brings reaches them at its first start (`settle`), and never comes back where somebody took it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from banyan.kernel.context import SYSTEM_ID, Context, Reach
from banyan.kernel.models import History, Role, RoleGrant
from banyan.lib.labels import L, Label


@dataclass(frozen=True)
class DefaultRole:
    """A role as it is first written.

    Takes:  areas: of the menu, in order; home: the page its work begins with; cards: what its home page shows, in
            order (kernel.figures, declared queries, and the parts tasks, inbox, new, areas)
    """

    code: str
    label: Label
    areas: tuple[str, ...]
    home: str
    cards: tuple[str, ...]
    grants: tuple[tuple[str, Reach], ...]


#: What everybody who signs in may do: see the common master data, their own inbox, tokens and sessions.
EVERYONE: tuple[tuple[str, Reach], ...] = (
    ("kernel.inbox_item.read", "own"),
    ("kernel.token.*", "own"),
    ("kernel.session.read", "own"),
    ("kernel.session.end", "own"),
    ("kernel.user.read", "own"),
    ("company.*.read", "all"),
    ("items.*.read", "all"),
)

_STOCK_READS = (("inventory.*.read", "plant"),)
_FACTORY_READS = (
    ("equipment.*.read", "plant"),
    ("engineering.*.read", "all"),
    ("production.*.read", "plant"),
    ("people.employee.read", "plant"),
    ("people.team.read", "plant"),
    ("people.shift.read", "all"),
    ("people.skill.read", "all"),
)

#: Whoever works in the factory may call for help, and answer.
_CALLS = (
    ("exceptions.exception.read", "plant"),
    ("exceptions.exception.raise", "plant"),
    ("exceptions.exception.take", "plant"),
    ("exceptions.exception.contain", "plant"),
    ("exceptions.category.read", "all"),
    ("exceptions.cause.read", "all"),
)

#: Whoever answers for machines says that one is down, is maintained, runs again; a machine has no plant of its own.
_MACHINES = tuple((f"equipment.machine.{act}", "all") for act in ("stop", "maintain", "start"))

ROLES: tuple[DefaultRole, ...] = (
    DefaultRole(
        "worker",
        L("工人", "Worker"),
        ("production", "equipment", "inventory"),
        "queries/production.my_tasks",
        (
            "production.my_tasks",
            "production.my_day",
            "wages.my_month",
            "inbox",
            "areas",
        ),
        (
            *EVERYONE,
            ("production.work_order.read", "plant"),
            ("production.work_order.report", "plant"),
            ("production.work_order.use_material", "plant"),
            ("production.operation.read", "plant"),
            ("production.report.read", "own"),
            ("production.report.undo", "own"),
            ("production.assignment.read", "plant"),
            ("production.defect_reason.read", "all"),
            ("equipment.*.read", "plant"),
            ("inventory.lot.read", "all"),
            ("wages.line.read", "own"),
            ("wages.bonus.read", "own"),
            ("wages.statement.read", "own"),
            ("wages.pay", "own"),
            *_CALLS,
        ),
    ),
    DefaultRole(
        "leader",
        L("班组长", "Team leader"),
        ("production", "people", "equipment"),
        "teamboard",
        (
            "teamboard.to_approve",
            "teamboard.flags",
            "production.running",
            "production.late",
            "exceptions.open",
            "exceptions.overdue",
            "exceptions.severe",
            "station.kept",
            "production.good_today",
            "production.scrap_today",
            "equipment.down",
            "wages.to_approve",
            "production.my_tasks",
            "tasks",
            "inbox",
            "areas",
        ),
        (
            *EVERYONE,
            *_FACTORY_READS,
            *_STOCK_READS,
            ("production.*", "plant"),
            ("people.attendance.*", "all"),
            ("wages.line.*", "plant"),
            ("wages.pool.read", "all"),
            ("wages.sharing.*", "plant"),
            ("wages.approval.read", "plant"),
            ("equipment.machine.change", "all"),
            *_MACHINES,
            ("exceptions.exception.*", "plant"),
            ("exceptions.*.read", "plant"),
            ("station.kept_act.*", "plant"),
            ("proposals.proposal.read", "plant"),
            ("station.badge.*", "all"),
            ("station.device.*", "plant"),
            ("handheld.*.read", "plant"),
            ("teamboard.*", "team"),
        ),
    ),
    DefaultRole(
        "planner",
        L("计划员", "Planner"),
        ("planning", "production", "engineering", "sales", "purchasing"),
        "planning/planned_orders",
        (
            "planning.late",
            "planning.to_convert",
            "production.to_release",
            "production.late",
            "sales.late",
            "purchasing.late",
            "tasks",
            "sales.late_lines",
            "inbox",
            "new",
            "areas",
        ),
        (
            *EVERYONE,
            *_FACTORY_READS,
            *_STOCK_READS,
            ("planning.*", "all"),
            ("production.*", "plant"),
            ("handheld.*", "plant"),
            ("engineering.*", "all"),
            ("items.*", "all"),
            ("proposals.*", "plant"),
            ("exceptions.*.read", "plant"),
            ("teamboard.*", "plant"),
            ("sales.*.read", "plant"),
            ("sales.order.promise", "plant"),
            ("purchasing.*.read", "plant"),
            ("purchasing.order.create", "plant"),
            ("parties.*.read", "all"),
        ),
    ),
    DefaultRole(
        "engineer",
        L("工艺员", "Process engineer"),
        ("engineering", "items", "equipment"),
        "engineering/boms",
        (
            "proposals.open",
            "inventory.held",
            "production.scrap_today",
            "tasks",
            "inbox",
            "new",
            "areas",
        ),
        (
            *EVERYONE,
            *_FACTORY_READS,
            *_STOCK_READS,
            ("engineering.*", "all"),
            ("items.*", "all"),
            ("proposals.*", "plant"),
            ("equipment.*", "plant"),
            ("production.defect_reason.*", "all"),
            ("exceptions.exception.*", "plant"),
            ("exceptions.*.read", "plant"),
        ),
    ),
    DefaultRole(
        "warehouse",
        L("仓管", "Warehouse keeper"),
        ("inventory", "purchasing", "sales", "production"),
        "inventory/balances",
        (
            "purchasing.to_receive",
            "purchasing.to_book",
            "sales.to_ship",
            "production.running",
            "inventory.expiring",
            "inventory.counts",
            "handheld.borrowed",
            "tasks",
            "inbox",
            "areas",
        ),
        (
            *EVERYONE,
            *_FACTORY_READS,
            ("inventory.*", "plant"),
            ("purchasing.order.read", "plant"),
            ("purchasing.order.receive", "plant"),
            ("purchasing.receipt.*", "plant"),
            ("sales.order.read", "plant"),
            ("channels.order.read", "plant"),
            ("channels.order.allocate", "plant"),
            ("channels.order.ship", "plant"),
            ("sales.order.ship", "plant"),
            ("sales.order.pick", "plant"),
            ("sales.shipment.*", "plant"),
            ("sales.return_order.*", "plant"),
            ("production.work_order.issue", "plant"),
            ("production.work_order.return_material", "plant"),
            ("production.work_order.complete", "plant"),
            ("production.material_issue.*", "plant"),
            ("production.completion.*", "plant"),
            ("handheld.*", "plant"),
            ("station.kept_act.*", "own"),
            ("parties.*.read", "all"),
            *_CALLS,
        ),
    ),
    DefaultRole(
        "buyer",
        L("采购", "Buyer"),
        ("purchasing", "parties", "inventory"),
        "purchasing/orders",
        (
            "purchasing.late",
            "purchasing.due_this_week",
            "purchasing.drafts",
            "purchasing.unconfirmed",
            "planning.to_buy",
            "tasks",
            "purchasing.late_warnings",
            "inbox",
            "new",
            "areas",
        ),
        (
            *EVERYONE,
            *_STOCK_READS,
            ("purchasing.*", "plant"),
            ("parties.*", "all"),
            ("planning.*.read", "all"),
            ("items.item.change", "all"),
            ("finance.supplier_invoice.read", "plant"),
        ),
    ),
    DefaultRole(
        "sales",
        L("销售", "Sales"),
        ("sales", "channels", "parties", "inventory"),
        "sales/orders",
        (
            "channels.late",
            "channels.held",
            "sales.late",
            "sales.due_this_week",
            "sales.drafts",
            "sales.quotations",
            "sales.urgent",
            "sales.late_lines",
            "tasks",
            "inbox",
            "new",
            "areas",
        ),
        (
            *EVERYONE,
            *_STOCK_READS,
            ("sales.*", "plant"),
            ("channels.*", "plant"),
            ("parties.*", "all"),
            ("production.work_order.read", "plant"),
            ("planning.*.read", "all"),
            ("finance.customer_invoice.read", "plant"),
        ),
    ),
    DefaultRole(
        "quality",
        L("质量", "Quality"),
        ("inventory", "production", "purchasing"),
        "inventory/lots",
        (
            "purchasing.to_book",
            "trace.open",
            "inventory.held",
            "inventory.expiring",
            "exceptions.open",
            "exceptions.overdue",
            "exceptions.severe",
            "equipment.down",
            "production.scrap_today",
            "tasks",
            "inbox",
            "areas",
        ),
        (
            *EVERYONE,
            *_FACTORY_READS,
            *_STOCK_READS,
            *_MACHINES,
            ("inventory.lot.*", "all"),
            ("trace.*", "plant"),
            ("production.defect_reason.*", "all"),
            ("exceptions.*", "plant"),
            ("purchasing.*.read", "plant"),
            ("purchasing.receipt.*", "plant"),
            ("sales.shipment.read", "plant"),
            ("parties.*.read", "all"),
        ),
    ),
    DefaultRole(
        "accountant",
        L("会计", "Accountant"),
        ("finance", "sales", "purchasing", "inventory", "people", "parties"),
        "finance/entries",
        (
            "finance.receivables_overdue",
            "finance.payables_due",
            "finance.to_invoice",
            "finance.vouchers",
            "finance.statement_lines",
            "finance.drafts",
            "finance.open_periods",
            "finance.cash",
            "wages.drafts",
            "wages.to_pay",
            "tasks",
            "finance.open_items",
            "inbox",
            "areas",
        ),
        (
            *EVERYONE,
            *_STOCK_READS,
            *_FACTORY_READS,
            ("finance.*", "all"),
            ("wages.*", "all"),
            ("parties.*", "all"),
            ("sales.*.read", "all"),
            ("channels.*.read", "all"),
            ("channels.settlement.*", "all"),
            ("channels.refund.pay", "all"),
            ("purchasing.*.read", "all"),
            ("company.*", "all"),
        ),
    ),
    DefaultRole(
        "boss",
        L("老板", "Boss"),
        ("sales", "production", "inventory", "finance", "purchasing", "planning"),
        "",
        (
            "sales.late",
            "sales.due_this_week",
            "production.output_today",
            "production.late",
            "planning.late",
            "production.flags",
            "exceptions.open",
            "exceptions.overdue",
            "exceptions.severe",
            "trace.open",
            "purchasing.late",
            "inventory.value",
            "finance.receivables_overdue",
            "finance.payables_due",
            "finance.cash",
            "finance.to_invoice",
            "sales.late_lines",
            "inbox",
            "areas",
        ),
        (
            *EVERYONE,
            ("*.*.read", "all"),
            ("trace.recall.*", "all"),
            ("finance.costs", "all"),
            ("people.pay", "all"),
            ("wages.pay", "all"),
            ("finance.override_credit", "all"),
        ),
    ),
    DefaultRole(
        "admin",
        L("信息部", "IT"),
        ("system", "integration", "company", "people", "items", "parties"),
        "kernel/users",
        (
            "kernel.dead_letters",
            "kernel.users",
            "tasks",
            "inbox",
            "areas",
        ),
        (("*", "all"),),
    ),
)


def write_defaults(ctx: Context) -> int:
    """Write the default roles that do not exist yet; give how many were written."""
    known = set(Role.objects.values_list("code", flat=True))
    made = [
        (
            role,
            Role(
                code=role.code,
                name_zh=role.label.zh,
                name_en=role.label.en,
                areas=list(role.areas),
                home=role.home,
                cards=list(role.cards),
                created_at=ctx.now,
                changed_at=ctx.now,
                created_by_id=ctx.person,
                changed_by_id=ctx.person,
            ),
        )
        for role in ROLES
        if role.code not in known
    ]
    Role.objects.bulk_create(row for _, row in made)
    RoleGrant.objects.bulk_create(
        RoleGrant(role=row, position=n, permission=permission, reach=reach)
        for role, row in made
        for n, (permission, reach) in enumerate(dict(role.grants).items(), start=1)
    )
    return len(made)


def settle(ctx: Context) -> tuple[int, int]:
    """Write the default roles where there is no role at all; else give them the default grants that are new.

    A grant is new to a role that never had one of the same permission: the history knows each that somebody took away
    or changed, and each that the role was written with. Roles that people made themselves, also under a code of ours,
    and those they deleted are left alone.

    Gives:  how many roles were written, how many grants were given
    """
    if not Role.objects.exists():
        return write_defaults(ctx), 0
    ours = {
        role.code: role
        for role in Role.objects.filter(code__in=[one.code for one in ROLES], created_by_id=SYSTEM_ID)
    }
    had = _ever_granted(ours.values())
    made = []
    for one in ROLES:
        if (role := ours.get(one.code)) is None:
            continue
        new = [(what, reach) for what, reach in dict(one.grants).items() if what not in had[role.pk]]
        last = max(RoleGrant.objects.filter(role=role).values_list("position", flat=True), default=0) if new else 0
        made += [
            RoleGrant(role=role, position=n, permission=what, reach=reach)
            for n, (what, reach) in enumerate(new, start=last + 1)
        ]
    RoleGrant.objects.bulk_create(made)
    return 0, len(made)


def _ever_granted(roles: Iterable[Role]) -> dict[UUID, set[str]]:
    """Give the permissions that roles have, or had at any time. Two statements."""
    found: dict[UUID, set[str]] = {role.pk: set() for role in roles}
    for role, permission in RoleGrant.objects.filter(role__in=found).values_list("role_id", "permission"):
        found[role].add(permission)
    rows = History.objects.filter(table=RoleGrant._meta.db_table, parent__in=found)
    for role, *names in rows.values_list("parent", "old__permission", "new__permission"):
        found[role].update(name for name in names if name)
    return found
