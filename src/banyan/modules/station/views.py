"""The station's shell and its interface. Nobody is known by a cookie here but in `me`: what acts carries a ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from banyan.kernel import files, registry, schema
from banyan.kernel.context import Context
from banyan.lib.errors import Invalid, NotFound
from banyan.lib.labels import L, is_chinese, spoken_language
from banyan.modules.company.queries import default_plant
from banyan.modules.people.queries import employees_by_id
from banyan.modules.station import badges, finding, queries, signing, together
from banyan.modules.station.acts import Batch
from banyan.modules.station.commands import hang_picture
from banyan.modules.station.entry import body_of as _body
from banyan.modules.station.entry import interface as _interface
from banyan.modules.station.entry import seat_of_request as _seat
from banyan.modules.station.entry import ticket_of_request, unless_known
from banyan.modules.station.errors import WrongPhoto
from banyan.modules.station.signing import Seat
from banyan.modules.station.sync import sync as sync_acts
from banyan.web import assets
from banyan.web.devices import address_of
from banyan.web.middleware import public
from banyan.web.printing.labels import SIZES, known_size
from banyan.web.printing.press import Order, print_order

#: What the shell begins with; the scanner's decoder is kept later, in the background.
SHELL = ("src/station/main.ts", "src/station/theme.ts")
LATER = "src/station/decoder.ts"
#: What somebody sees besides the work at operations, by what they may do: names of faces that modules answer with.
faces = registry.port("station.faces", lambda who: ())
CHUNK = 65_536
#: Operations scanned on a device that its day tells beside those at work.
MOST_KEYS = 30


def _text(body: dict[str, Any], name: str) -> str:
    found = body.get(name, "")
    return found if isinstance(found, str) else ""


@_interface("POST")
def pair(request: HttpRequest, language: str) -> Any:
    """Make this device the station whose pairing code was typed; give the token it keeps."""
    token, device = signing.pair(_text(_body(request), "code"), timezone.now())
    return {"token": token, "device": {"id": device.pk, "code": device.code, "name": device.name}}


@_interface("POST")
def sign_in(request: HttpRequest, language: str) -> Any:
    """Sign a person in by badge, or by code and PIN, on a paired device; give the ticket and who it is."""
    body, now = _body(request), timezone.now()
    device = signing.device_of(request.headers.get("Station-Device", "")[:200])
    ticket = signing.sign_in(
        device, now, badge=_text(body, "badge"), code=_text(body, "code"), pin=_text(body, "pin"),
        address=address_of(request),
    )  # fmt: skip
    return {"ticket": ticket, "person": _person(signing.seat_of(ticket)), "now": now.isoformat()}


@_interface("GET")
def me(request: HttpRequest, language: str) -> Any:
    """Give somebody who has signed in to the product a ticket for this device of their own; else nothing.

    A ticket that is shown already (a link that opens the station) is given back where it counts.
    """
    if "Authorization" in request.headers:
        seat = _seat(request)
        ticket = request.headers["Authorization"].partition(" ")[2].strip()
        return {"ticket": ticket, "person": _person(seat), "now": timezone.now().isoformat()}
    ctx: Context | None = request.ctx
    if ctx is None or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return HttpResponse(status=204)
    ticket = signing.ticket_of_session(ctx, request.session.standing.id)
    return {"ticket": ticket, "person": _person(signing.seat_of(ticket)), "now": timezone.now().isoformat()}


def _person(seat: Seat) -> dict[str, Any]:
    who = seat.principal
    found = employees_by_id([who.employee]).get(who.employee) if who.employee else None
    return {
        "id": str(who.id), "name": found.name if found else who.name, "code": found.code if found else who.login,
        "employee": str(who.employee) if who.employee else None, "language": who.language,
        "leads": signing.may_send_for_others(who),
        "faces": [*(["work"] if who.may("production.work_order.report") else []), *faces(who)],
    }  # fmt: skip


@_interface("GET")
def day(request: HttpRequest, language: str) -> Any:
    """Give what a person needs for the shift; nothing where it is what the device has already (ETag)."""
    seat, now = _seat(request), timezone.now()
    ctx, plant = _reader(seat, now, language), default_plant()
    on, ends = seat.shift_at(now)
    found = queries.day(ctx, on, _keys(request.GET.get("also", "")), seat.machine)
    return unless_known(request, found | {"zone": plant.zone, "ends": ends.isoformat()}, ctx.now)


@_interface("POST")
def sync(request: HttpRequest, language: str) -> Any:
    """Book what waited at the device for one person; give what became of each act, and the day's sums.

    Where the batch names another person, it is sent for them (`signing.seat_for`).
    """
    if (letter := _letter(request, language)) and (answer := together.settle(letter)):
        return answer
    seat, now = _seat(request), timezone.now()
    batch = schema.parse(Batch, _body(request))
    seat = _sent_for(seat, batch.person, now)
    ctx = seat.context(now, language)
    answer = sync_acts(ctx, seat, batch)
    return answer | {"today": queries.today(ctx, seat.day(now))}


def _sent_for(seat: Seat, person: UUID | None, now: datetime) -> Seat:
    return seat if person in (None, seat.principal.id) else signing.seat_for(seat, person, now)


def _letter(request: HttpRequest, language: str) -> together.Posted | None:
    """Give what may be booked together with what others send; None for what may not, and for what is not right."""
    ticket = badges.opened(ticket_of_request(request))
    try:
        return together.letter_of(ticket, schema.parse(Batch, _body(request)), language) if ticket else None
    except Invalid:
        return None


@_interface("GET")
def find(request: HttpRequest, language: str) -> Any:
    """Give the task of a code that the day does not hold."""
    seat, now = _seat(request), timezone.now()
    ctx = _reader(seat, now, language)
    key = finding.operation(ctx, request.GET.get("code", "")[:200])
    found = queries.day(ctx, seat.day(now), [key], seat.machine)["tasks"]
    return {"task": next(task for task in found if task["id"] == key)}


@_interface("GET")
def orders(request: HttpRequest, language: str) -> Any:
    """Give what labels of orders at work stand for; nothing where the device has just that already (ETag)."""
    ctx = _reader(_seat(request), timezone.now(), language)
    return unless_known(request, finding.at_work(ctx), ctx.now)


@_interface("GET")
def material(request: HttpRequest, language: str) -> Any:
    """Give the lot or item of a code; a lot of the items named goes before others of its number."""
    ctx = _reader(_seat(request), timezone.now(), language)
    return finding.material(ctx, request.GET.get("code", "")[:200], _keys(request.GET.get("items", "")))


@_interface("GET")
def drawing(request: HttpRequest, language: str, key: UUID, *, small: bool = False) -> Any:
    """Give a drawing of an item or a picture of an order, or its small one; a device keeps it."""
    found = queries.drawing(_reader(_seat(request), timezone.now(), language), key)
    path = files.content(found.file_id)
    if small:
        path = path.with_suffix(".thumb")
        if not path.is_file():
            raise NotFound
    kind = "image/jpeg" if small else found.file.media_type
    return HttpResponse(path.read_bytes(), content_type=kind, headers={"Content-Security-Policy": "sandbox"})


@_interface("GET")
def label(request: HttpRequest, language: str) -> Any:
    """Give the labels of lots as a PDF, in the device's size.

    Raises: NotFound where no report has made one of them yet; SizeUnknown
    """
    ctx = _reader(_seat(request), timezone.now(), language)
    ctx.require("inventory.lot.read")
    asked = [number[:60] for number in request.GET.getlist("lot")[:MOST_KEYS]] or [""]
    lots = finding.finished_lots(ctx, _key(request.GET.get("operation", "")), asked)
    order = Order(
        noun="inventory.lot", ids=tuple(map(str, lots)), layout="label", language=language, zone=default_plant().zone,
        site=request.build_absolute_uri("/").rstrip("/"), size=known_size(request.GET.get("size", "")),
    )  # fmt: skip
    return HttpResponse(print_order(ctx, order).content, content_type="application/pdf")


@_interface("POST")
def photo(request: HttpRequest, language: str) -> Any:
    """Keep a photo that follows its act, and hang it on what the act became; twice is once."""
    given, now = request.GET, timezone.now()
    seat = _sent_for(_seat(request), _key(given["person"]) if given.get("person") else None, now)
    ctx = seat.context(now, language)
    stored = files.store("photo.jpg", iter(lambda: request.read(CHUNK), b""))
    if stored.digest != given.get("digest"):
        raise WrongPhoto
    name = f"{ctx.now:%y%m%d-%H%M%S}.jpg"
    hang_picture(ctx, dict(act=given.get("act"), kind=given.get("kind"), digest=stored.digest, name=name))
    return {"digest": stored.digest}


def _reader(seat: Seat, now: datetime, language: str) -> Context:
    ctx = seat.context(now, language)
    ctx.require("production.work_order.read")
    return ctx


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _keys(text: str) -> tuple[UUID, ...]:
    return tuple(_key(one) for one in text.split(",")[:MOST_KEYS] if one)


@public
def shell(request: HttpRequest) -> HttpResponse:
    """Give the station's page: the same for everybody, so that a device can keep it."""
    built = assets.manifest()
    parts = [assets.address(one) for one in built[SHELL[0]].get("imports", ())]
    sizes = [{"key": one.key, "zh": one.label.zh, "en": one.label.en} for one in SIZES]
    response = render(request, "station/shell.html", {"parts": parts, "sizes": sizes})
    response["Cache-Control"] = "no-cache"
    return response


@public
def service_worker(request: HttpRequest) -> HttpResponse:
    """Give the script that keeps the shell on the device; its text changes whenever a file of the shell does."""
    kept = [*_shell_files(), "/station/manifest.webmanifest"]
    text = (assets.DIST / assets.manifest()["src/station/worker.ts"]["file"]).read_text()
    head = f"self.SHELL = {orjson.dumps(kept).decode()};\nself.LATER = {orjson.dumps(_later_files()).decode()};\n"
    return HttpResponse(head + text, content_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _shell_files() -> list[str]:
    """Give the addresses of all that the shell loads, but for what comes later."""
    built = assets.manifest()
    found, left = [], [*SHELL, "src/mark.svg", "src/station/icon-192.png"]
    while left:
        source = left.pop()
        if source not in found and source != LATER:
            found.append(source)
            left += [*built[source].get("imports", ()), *built[source].get("dynamicImports", ())]
    sheets = dict.fromkeys(sheet for one in found for sheet in assets.styles(one))
    return [*(assets.address(one) for one in found), *sheets]


def _later_files() -> list[str]:
    """Give the addresses of the scanner's decoder, its compiled code among them."""
    built = assets.manifest()
    files = [built[LATER]["file"], *built[LATER].get("assets", ())]
    imported = [assets.address(one) for one in built[LATER].get("imports", ())]
    return [*(f"{settings.STATIC_URL}dist/{name}" for name in files), *imported]


@public
def manifest(request: HttpRequest) -> HttpResponse:
    """Say how the station is installed."""
    icons = [
        {"src": assets.address(f"src/station/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png",
         "purpose": "any maskable"}
        for size in (192, 512)
    ]  # fmt: skip
    told = {
        "id": "/station/", "name": str(L("Banyan 榕 工位", "Banyan station")), "short_name": str(L("工位", "Station")),
        "start_url": "/station/", "scope": "/station/", "display": "standalone",
        "lang": "zh-Hans" if is_chinese(spoken_language()) else "en", "theme_color": "#0f5f6e",
        "background_color": "#f4f6f7", "icons": icons,
    }  # fmt: skip
    response = HttpResponse(orjson.dumps(told), content_type="application/manifest+json")
    response["Cache-Control"] = "no-cache"
    return response
