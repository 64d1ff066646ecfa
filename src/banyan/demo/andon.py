"""Calls for help in the demo factory: who is responsible where, and what happened in the weeks after its story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from banyan.demo.acting import Cast, key_of
from banyan.demo.load import Loader
from banyan.kernel import db, proofs, registry
from banyan.kernel.commands import execute
from banyan.kernel.context import SYSTEM, Context
from banyan.lib.ids import new_id
from banyan.lib.labels import L, Label

NOUN = "exceptions.exception"
TEAMS = {"MATERIAL": "T-WH", "QUALITY": "T-QC", "EQUIPMENT": "T-MNT", "PROCESS": "T-MACH"}
ROUTES = {
    "T-GEAR": ("HOB", "GRIND"), "T-HEAT": ("HEAT", "DRILL", "WASH"), "T-ASM": ("SUB", "FINAL", "TEST", "PACK"),
}  # fmt: skip
HEADS = {"PROD": "E003", "QA": "E011"}


def set_up(loader: Loader) -> None:
    """Enter who is responsible for which exceptions, and who hears of those that nobody answers."""
    loader.do("exceptions.category.add_usual")
    for category, team in TEAMS.items():
        loader.do("exceptions.category.change", [_key(loader, "exceptions.category", category)],
                  team=loader.key("people.team", team))  # fmt: skip
    loader.make("exceptions.route", [
        dict(sequence=10, category=loader.key("exceptions.category", "PROCESS"), team=loader.key("people.team", team),
             work_centre=loader.key("equipment.work_centre", centre))
        for team, centres in ROUTES.items() for centre in centres
    ])  # fmt: skip
    (level,) = db.one("SELECT id FROM exceptions_level WHERE audience = 'department'")
    loader.do("exceptions.level.change", [level], heads=[
        dict(department=loader.key("company.department", department), employee=loader.key("people.employee", code))
        for department, code in HEADS.items()
    ])  # fmt: skip


def _key(loader: Loader, noun: str, code: str) -> UUID:
    return UUID(loader.key(noun, code))


@dataclass(frozen=True)
class Call:
    """A call for help and what became of it.

    Takes:  minutes: after the call, until it was taken, contained, resolved and closed; as many as were done
    """

    category: str
    problem: Label
    minutes: tuple[int, ...] = ()
    cause: str = ""
    countermeasure: Label = L("先隔离，换一台设备继续", "Set aside, work goes on at another machine")
    root_cause: Label = L("正在查找", "Being looked for")
    prevention: Label = L("写入点检表", "Added to the daily check list")


TOOL = L("刀具磨损超限未更换", "A worn tool was not changed in time")
LATE = L("配送清单漏行", "A line was missing on the delivery list")
CALLS = (
    Call("EQUIPMENT", L("主轴异响", "The spindle is noisy"), (8, 40, 150, 600), "MACHINE", root_cause=TOOL),
    Call("MATERIAL", L("轴承缺 4 套", "Four bearings missing"), (12, 25, 60, 500), "METHOD", root_cause=LATE),
    Call("QUALITY", L("内孔超差 0.03", "Bore 0.03 too large"), (6, 35, 170, 900), "MACHINE", root_cause=TOOL),
    Call("PROCESS", L("图纸与工艺卡不一致", "Drawing and process card differ"), (50, 80, 300, 700), "METHOD",
         root_cause=L("工艺卡未换版", "The process card was not replaced")),
    Call("EQUIPMENT", L("冷却液泄漏", "Coolant leaks"), (20, 30, 90), "MACHINE",
         root_cause=L("密封圈老化", "The seal was old")),
    Call("MATERIAL", L("来料毛刺多", "Burrs on bought parts"), (10, 22, 130, 800), "MATERIAL",
         root_cause=L("供应商换模", "The supplier changed the tool")),
    Call("SAFETY", L("地面油污", "Oil on the floor"), (3, 9, 30, 200), "ENVIRONMENT",
         root_cause=L("接油盘满", "The drip tray was full")),
    Call("QUALITY", L("齿面划伤", "Scratched tooth flanks"), (9, 50, 260), "MAN",
         root_cause=L("周转时叠放", "Stacked on the way")),
    Call("OTHER", L("扫码枪没电", "The scanner is empty"), (30, 31, 45, 100), "MACHINE",
         root_cause=L("无备用电池", "No spare battery")),
    Call("EQUIPMENT", L("工装定位销松动", "A locating pin is loose"), (14, 60)),
    Call("PROCESS", L("节拍达不到", "The cycle time is not reached"), (40,)),
    Call("MATERIAL", L("密封件未到线边", "Seals are not at the line"),),
    Call("QUALITY", L("试车噪声偏高", "Noise at the test run"),),
)  # fmt: skip


def tell(cast: Cast) -> None:
    """Let people call for help between the story's end and now; the latest calls are open still.

    Raises: AssertionError when a proof of exceptions does not hold
    """
    cast.chapter("安灯：异常提出、接手、遏制、解决、关闭，超时升级",
                 "Andon: exceptions raised, taken, contained, resolved, closed; escalated when overdue")  # fmt: skip
    places = [row[0] for row in db.rows(_OPERATIONS)]
    began, end = cast.now, datetime.now(UTC) - timedelta(hours=30)
    for place, call in enumerate(CALLS):
        at = (began + (end - began) * (place / (len(CALLS) - 1))).replace(hour=1, minute=10)
        at -= timedelta(days=max(0, at.weekday() - 4))  # nobody works at the weekend
        _call(cast, call, at, places[place * 5 % len(places)] if places else None)
    _escalate(end + timedelta(hours=30))
    counts = dict(db.rows("SELECT state, count(*) FROM exceptions_shopexception GROUP BY 1"))
    (told,) = db.one("SELECT count(*) FROM exceptions_escalation")
    cast.fact("异常 {all} 个：已关闭 {closed}，待关闭 {resolved}，未解决 {open}；升级 {told} 次",
              "Exceptions: {all}, of which closed {closed}, to close {resolved}, open {open}; levels told {told}",
              all=sum(counts.values()), closed=counts.get("closed", 0), resolved=counts.get("resolved", 0),
              open=sum(counts.get(state, 0) for state in ("raised", "taken", "contained")), told=told)  # fmt: skip
    broken = [v.proof.key for v in proofs.run([p.key for p in proofs.proofs() if p.key.startswith("exceptions.")])
              if not v.is_green]  # fmt: skip
    if broken:
        raise AssertionError(f"not all proofs hold: {broken}")


#: Operations that work was reported on, whose work centres differ from one to the next.
_OPERATIONS = """
    SELECT id FROM (
        SELECT o.id, row_number() OVER (PARTITION BY o.work_centre_id ORDER BY o.id) AS n, o.work_centre_id
        FROM production_operation o WHERE o.work_centre_id IS NOT NULL AND o.good_quantity > 0
    ) found WHERE n <= 5 ORDER BY n, work_centre_id, id
"""


def _call(cast: Cast, call: Call, at: datetime, operation: UUID | None) -> None:
    """Raise one exception and take the steps it came to."""
    _escalate(at)
    said = cast.actors["worker"].language
    where = dict(operation=str(operation)) if operation else {}
    (case,) = _do(cast, "worker", "raise", at, id=str(new_id()), problem=call.problem.in_(said),
                  category=str(key_of("exceptions.category", call.category)), **where).value  # fmt: skip
    steps = (
        ("leader", "take", {}),
        ("leader", "contain", dict(countermeasure=call.countermeasure.in_(said))),
        ("leader", "resolve", dict(root_cause=call.root_cause.in_(said))),
        ("quality", "close", dict(prevention=call.prevention.in_(said))),
    )
    for minutes, (role, name, data) in zip(call.minutes, steps, strict=False):
        if name == "resolve":
            data = data | dict(cause=str(key_of("exceptions.cause", call.cause)))
        _do(cast, role, name, at + timedelta(minutes=minutes), case.pk, **data)


def _do(cast: Cast, role: str, name: str, at: datetime, *ids: UUID, **data: str):
    ctx = Context(cast.actors[role], now=at, through="story", program="story")
    return execute(ctx, registry.command(f"{NOUN}.{name}"), ids=ids, data=data or None)


def _escalate(at: datetime) -> None:
    """Let the job come by, as it does each minute while the factory runs."""
    execute(Context(SYSTEM, now=at, through="story", program="story"), registry.command(f"{NOUN}.escalate"))
