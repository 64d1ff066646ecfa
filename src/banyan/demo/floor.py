"""The shop floor of the demo factory: stations, badges, a drawing, and work that waits for whoever opens a station."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from PIL import Image, ImageDraw, ImageFont

from banyan.demo.acting import Cast, Teller, key_of
from banyan.demo.load import Loader, rows
from banyan.kernel import db, files, registry
from banyan.kernel.commands import execute
from banyan.kernel.models import User
from banyan.lib.ids import new_id
from banyan.lib.labels import L
from banyan.modules.production.errors import NotKitted
from banyan.modules.station import signing

#: Work centres with a tablet of their own.
STATIONS = ("TURN", "HOB", "FINAL", "PACK")
#: Who has a badge: the logins of the shop floor.
BADGES = ("worker", "leader", "warehouse", "quality")
#: What is released for today: item, quantity, days left.
WORK = (("MP-R37-SHAFT", 24, 2), ("MP-W063-WHEEL", 12, 3), ("MP-R37-PIN1", 30, 5))
TURNER, SAWYER = "E017", "E020"


def set_up(loader: Loader, people: Mapping[str, UUID], teller: Teller) -> None:
    """Enter stations and badges, and hang a drawing on a part; the PINs are told this once."""
    names = {r["code"]: r for r in rows("work_centres")}
    loader.make("station.device", [
        dict(code=f"ST-{code}", name=f"{names[code]['name_zh']}工位", plant=loader.key("company.plant", "P1"),
             work_centre=loader.key("equipment.work_centre", code))
        for code in STATIONS
    ])  # fmt: skip
    employees = dict(User.objects.filter(pk__in=people.values()).values_list("login", "employee_key"))
    badges = loader.make("station.badge", [dict(employee=str(employees[login])) for login in BADGES])
    pins = loader.do("station.badge.new_pin", badges)
    teller.fact(L("工位 {n} 台；{pins}", "{n} stations; {pins}").filled({"n": len(STATIONS), "pins": pins}))
    stored = files.store("MP-R37-SHAFT.png", [drawing("MP-R37-SHAFT  C45  1:2")])
    item = UUID(loader.key("items.item", "MP-R37-SHAFT"))
    loader.do("items.item.attach", [item], digest=stored.digest, name="MP-R37-SHAFT-A.png")


def drawing(title: str) -> bytes:
    """Draw a turned shaft with its diameters and lengths, as a PNG."""
    sheet = Image.new("L", (1200, 700), 255)
    pen, middle, x = ImageDraw.Draw(sheet), 330, 130
    pen.rectangle((20, 20, 1179, 679), outline=0, width=3)
    for length, diameter, text in ((200, 120, "30 k6"), (330, 170, "35 h6"), (240, 150, "32 js6"), (170, 100, "25 k6")):
        pen.rectangle((x, middle - diameter, x + length, middle + diameter), outline=0, width=4)
        pen.line((x, middle + 210, x + length, middle + 210), fill=0, width=2)
        for end in (x, x + length):
            pen.line((end, middle + diameter, end, middle + 225), fill=120, width=1)
        pen.text((x + length / 2, middle + 236), f"{length / 5:g}", fill=0, font=_font(26), anchor="mm")
        pen.text((x + length / 2, middle - 30), f"D{text}", fill=0, font=_font(28), anchor="mm")
        x += length
    for at in range(90, 1110, 40):
        pen.line((at, middle, at + 26, middle), fill=90, width=2)
    pen.line((760, 600, 1179, 600), fill=0, width=2)
    pen.line((760, 600, 760, 679), fill=0, width=2)
    pen.text((780, 640), title, fill=0, font=_font(26), anchor="lm")
    out = io.BytesIO()
    sheet.save(out, "PNG", optimize=True)
    return out.getvalue()


def _font(size: int) -> ImageFont.ImageFont:
    return ImageFont.load_default(size)


def tell(cast: Cast) -> None:
    """Release work for today, and give the turning of it to the worker; sawing is done already."""
    cast.chapter("工位：今天的任务", "Stations: the tasks of today")
    turner = str(key_of("people.employee", TURNER))
    (plant,) = db.one("SELECT id FROM company_plant ORDER BY code LIMIT 1")
    for place, (item, quantity, days) in enumerate(WORK):
        due = (cast.now + timedelta(days=days)).date().isoformat()
        (order,) = cast.do("planner", "production.work_order.create", records=[dict(
            item=str(key_of("items.item", item)), plant=str(plant), quantity=str(quantity), due_on=due,
            priority="urgent" if place == 0 else "normal",
        )]).ids  # fmt: skip
        allowed = cast.ctx("planner", consents=frozenset({NotKitted.code}))
        execute(allowed, registry.command("production.work_order.release"), ids=[order])
        operations = db.rows(_OPERATIONS, [order])
        for key, sequence, name in operations:
            if name != "数控车" and sequence == 10:
                _saw(cast, key, quantity)
            elif name == "数控车":
                lines = [dict(operation=str(key), employee=turner)]
                cast.do("leader", "production.work_order.assign", [order], lines=lines)
    (count,) = db.one("SELECT count(*) FROM production_assignment WHERE employee_id = %s AND is_active", [turner])
    cast.fact("派给数控车工的任务 {n} 项", "Tasks given to the CNC turner: {n}", n=count)


_OPERATIONS = """
    SELECT id, sequence, name FROM production_operation WHERE work_order_id = %s ORDER BY sequence
"""


def _saw(cast: Cast, operation: UUID, quantity: int) -> None:
    """Report half of what is to be sawn."""
    cast.do("worker", "production.work_order.report", reports=[dict(
        id=str(new_id()), operation=str(operation), kind="good", quantity=str(quantity // 2),
        people=[dict(employee=str(key_of("people.employee", SAWYER)))], data={"炉号": "H25A1187"},
    )])  # fmt: skip


def link() -> str:
    """Give the address, below the site's, that opens a station as the demo's worker; empty where there is none."""
    worker = User.objects.filter(login="worker", is_active=True).first()
    return f"station/#enter={signing.ticket_of_link(worker, timezone.now())}" if worker else ""
