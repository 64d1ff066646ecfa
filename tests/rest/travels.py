"""Requests that must succeed: for every operation that each noun has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile

from banyan.kernel import registry
from banyan.kernel.nouns import Noun
from banyan.lib.errors import DomainError
from banyan.web.rest import offered

PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"


class Traveller:
    """Sends requests, notes which operation answered with success, and keeps what did not."""

    def __init__(self, api: Any, other: Any, samples: Any) -> None:
        self.api, self.other, self.samples = api, other, samples
        self.reached: set[str] = set()
        self.failed: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.inputs: dict[str, dict[str, Any]] = {}

    def send(
        self, operation: str, method: str, path: str, body: Any = None, *, by: Any = None, **headers: str
    ) -> Any:
        """Send a request; give its JSON answer, None where it failed."""
        return self.note(operation, (by or self.api).call(method, path, body, **headers))

    def note(self, operation: str, answer: Any) -> Any:
        """Note how an operation answered."""
        if 200 <= answer.status_code < 300:
            self.reached.add(operation)
            self.failed.pop(operation, None)
            if answer.streaming:
                b"".join(answer.streaming_content)
                return {}
            return json.loads(answer.content) if answer.content else {}
        said = f"{answer.status_code} {answer.content.decode()[:400]}"
        print(operation, said)  # shown only when the test fails
        if operation not in self.reached:
            self.failed[operation] = said
        return None

    def upload(self, operation: str, path: str, content: bytes, name: str, **fields: str) -> Any:
        """Send a file in a form."""
        headers = {"Authorization": f"Bearer {self.api.token}"}
        form = {"file": SimpleUploadedFile(name, content), **fields}
        return self.note(operation, self.api.client.post(f"/api/v1/{path}", form, headers=headers))

    def post(self, command: str, key: Any = None, *, consent: str = "", by: Any = None, **body: Any) -> Any:
        """Run a command by its key: `post("sales.order.confirm", order)`."""
        noun, name = registry.noun(command.rsplit(".", 1)[0]), command.rsplit(".", 1)[1]
        place = f"{noun.spec.path}/{key}/{name}" if key else f"{noun.spec.path}/{name}"
        return self.send(
            command, "POST", place, body or None, by=by, **({"X_Consent": consent} if consent else {})
        )

    def make(self, noun_key: str, **given: Any) -> str:
        """Create a record and keep how it was made, if it is the first; give its key."""
        made = self.send(f"{noun_key}.create", "POST", registry.noun(noun_key).spec.path, given)
        self.inputs.setdefault(noun_key, given)
        return made["id"]

    def first(self, noun_key: str, query: str = "") -> dict[str, Any]:
        """Give the first record of a list."""
        path = registry.noun(noun_key).spec.path
        return self.send(f"{noun_key}.list", "GET", f"{path}?limit=1{query and '&' + query}")["items"][0]


def visit_noun(traveller: Traveller, noun: Noun) -> None:
    """Do with a noun all that every noun offers."""
    spec, send, root = noun.spec, traveller.send, noun.spec.path
    send(
        f"{spec.key}.list",
        "GET",
        f"{root}?limit=3&expand={','.join(f.key for f in spec.fields if f.reference)}",
    )
    send(f"{spec.key}.export", "GET", f"{root}/export?format=xlsx")
    if offered.offers(noun, "create"):
        _write(traveller, noun)
    try:
        key = traveller.samples.any(spec.key)
    except (StopIteration, DomainError):  # its records come from commands that have not succeeded
        return
    if offered.offers(noun, "change"):
        _change(traveller, noun, key)
    if offered.offers(noun, "delete") and not offered.offers(noun, "create"):
        spare = traveller.first(spec.key, "limit=1")
        send(f"{spec.key}.delete", "DELETE", f"{root}/{spare['id']}", If_Match=f'"v{spare["version"]}"')
    one = f"{root}/{key}"
    for part in ("timeline", "attachments"):
        send(f"{spec.key}.{part}", "GET", f"{one}/{part}")
    send(f"{spec.key}.read", "GET", f"{one}?expand={','.join(f.key for f in spec.fields if f.reference)}")
    send(f"{spec.key}.comment", "POST", f"{one}/comment", {"text": "核对过了 🙂"})
    send(
        f"{spec.key}.bulk",
        "POST",
        f"{root}/bulk",
        {"command": "comment", "ids": [str(key)], "input": {"text": "同上"}},
    )
    _attach(traveller, noun, one)


def _write(traveller: Traveller, noun: Noun) -> None:
    """Import, create, delete and create again; where there can be only one, in its place."""
    spec, send, root = noun.spec, traveller.send, noun.spec.path
    made, data = None, {}
    for data in _inputs(traveller, noun):
        if f"{spec.key}.import" not in traveller.reached:
            _import(traveller, noun, data)
        made = send(f"{spec.key}.create", "POST", root, data)
        if made:
            break
    if not made and offered.offers(noun, "delete"):
        made = traveller.first(spec.key)
        data = {f.key: made[f.key] for f in spec.fields if not f.readonly and made[f.key] is not None}
    if made and offered.offers(noun, "delete"):
        send(f"{spec.key}.delete", "DELETE", f"{root}/{made['id']}", If_Match=f'"v{made["version"]}"')
        made = send(f"{spec.key}.create", "POST", root, data)
    if made:
        traveller.samples.kept[spec.key] = UUID(made["id"])


def _inputs(traveller: Traveller, noun: Noun) -> Iterator[dict[str, Any]]:
    """Give inputs that may be right: one made from the spec, one that was right before."""
    try:
        yield plain(traveller.samples.input(noun))
    except (StopIteration, DomainError):  # it stands on records that cannot be made so
        pass
    if noun.spec.key in traveller.inputs:
        yield plain(traveller.inputs[noun.spec.key])


def _change(traveller: Traveller, noun: Noun, key: UUID) -> None:
    """Say again what a record says already."""
    root = noun.spec.path
    row = traveller.send(f"{noun.spec.key}.read", "GET", f"{root}/{key}")
    row = row or traveller.send(
        f"{noun.spec.key}.read", "GET", f"{root}/{traveller.first(noun.spec.key)['id']}"
    )
    field = next(f for f in noun.spec.fields if not f.readonly and row.get(f.key) is not None)
    traveller.send(
        f"{noun.spec.key}.change",
        "PATCH",
        f"{root}/{row['id']}",
        {field.key: row[field.key]},
        If_Match=f'"v{row["version"]}"',
    )


def _import(traveller: Traveller, noun: Noun, data: dict[str, Any]) -> None:
    """Import the data and take it back, so that the same can be created afterwards where it can."""
    spec, root = noun.spec, noun.spec.path
    if not offered.takes_tables(noun):
        return
    if not offered.offers(noun, "delete"):  # what is imported stays, so that it must be another one
        data = data | {key: f"{data[key]}2" for key in ("number", "code") if key in data}
    batch = traveller.upload(f"{spec.key}.import", f"{root}/import", table_of(data), "rows.csv")
    if batch:
        traveller.send(f"{spec.key}.import_read", "GET", f"{root}/import/{batch['batch']}")
        if offered.offers(noun, "delete"):
            traveller.send(f"{spec.key}.import_undo", "POST", f"{root}/import/{batch['batch']}/undo")


def _attach(traveller: Traveller, noun: Noun, one: str) -> None:
    spec, send = noun.spec, traveller.send
    kept = traveller.upload("files.create", "files", PDF, "plan.pdf")
    send(f"{spec.key}.attach", "POST", f"{one}/attach", {"digest": kept["digest"], "name": "图纸.pdf"})
    listed = send(f"{spec.key}.attachments", "GET", f"{one}/attachments")
    if listed and listed["items"]:
        which = listed["items"][0]["id"]
        send(f"{spec.key}.attachment", "GET", f"{one}/attachments/{which}")
        send(f"{spec.key}.detach", "POST", f"{one}/detach", {"attachment": which})


def table_of(data: dict[str, Any]) -> bytes:
    """Give an input as a table of one record: a column per field, `lines.field` for its lines."""
    heads = {
        key: value
        for key, value in data.items()
        if not isinstance(value, list) or not value or not isinstance(value[0], dict)
    }
    lines = {key: value for key, value in data.items() if key not in heads}
    columns = [*heads, *(f"{key}.{name}" for key, rows in lines.items() for name in rows[0])]
    depth = max([1, *map(len, lines.values())])
    rows = []
    for n in range(depth):
        row = list(heads.values())
        for values in lines.values():
            row += [values[n][name] if n < len(values) else "" for name in values[0]]
        rows.append(row)
    return "\n".join(",".join(cell(c) for c in row) for row in [columns, *rows]).encode()


def cell(value: Any) -> str:
    text = (
        "true"
        if value is True
        else "false"
        if value is False
        else ";".join(value)
        if isinstance(value, list)
        else json.dumps(value)
        if isinstance(value, dict)
        else str(value)
    )
    return '"' + text.replace('"', '""') + '"'


def plain(value: Any) -> Any:
    """Give an input as JSON takes it."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
