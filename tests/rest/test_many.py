"""Many records at once: bulk, import, export."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from banyan.kernel.models import Audit, Role, User

pytestmark = pytest.mark.django_db


def users(count: int, **more):
    return [{"login": f"u{n}", "name": f"用户 {n}"} | more for n in range(count)]


def upload(api, path, content: bytes, name="users.csv", **fields):
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = api.client.post(
        f"/api/v1/{path}", {"file": SimpleUploadedFile(name, content), **fields}, headers=headers
    )
    answer.data = json.loads(answer.content)
    return answer


def test_bulk_creates_all_or_none(api):
    rows = users(3)
    answer = api.post("kernel/users/bulk", {"command": "create", "records": rows})
    assert answer.status_code == 200, answer.content
    assert (answer.data["done"], answer.data["refused"]) == (3, 0)
    assert [r["status"] for r in answer.data["results"]] == [201] * 3
    assert Audit.objects.filter(command="kernel.user.create").count() == 1
    wrong = [{"login": "x1", "name": "甲"}, {"login": "x2"}, {"login": "x3", "name": "丙", "language": "fr"}]
    refused = api.post("kernel/users/bulk", {"command": "create", "records": wrong})
    assert refused.status_code == 422
    assert {e["path"] for e in refused.data["errors"]} == {"records.1.name", "records.2.language"}
    assert not User.objects.filter(login__startswith="x").exists()


def test_bulk_each_keeps_the_good_and_names_the_bad(api):
    rows = [
        {"login": "a", "name": "甲"},
        {"login": "a", "name": "又甲"},
        {"name": "丙"},
        {"login": "d", "name": "丁"},
    ]
    answer = api.post("kernel/users/bulk", {"command": "create", "records": rows, "mode": "each"})
    assert (answer.data["done"], answer.data["refused"]) == (2, 2)
    assert [r["status"] for r in answer.data["results"]] == [201, 409, 422, 201]
    assert answer.data["results"][2]["problem"]["errors"][0]["path"] == "login"
    assert set(User.objects.filter(name__in=("甲", "丁")).values_list("login", flat=True)) == {"a", "d"}


def test_bulk_changes_many_alike_or_each_its_own_way(api):
    made = api.post("kernel/users/bulk", {"command": "create", "records": users(3)}).data["results"]
    ids = [r["id"] for r in made]
    alike = api.post("kernel/users/bulk", {"command": "change", "ids": ids, "input": {"language": "en"}})
    assert alike.data["done"] == 3
    assert [r["version"] for r in alike.data["results"]] == [2, 2, 2]
    rows = [
        {"id": ids[0], "version": 2, "name": "甲"},
        {"id": ids[1], "version": 1, "name": "乙"},
        {"id": ids[2], "name": "丙"},
    ]
    stale = api.post("kernel/users/bulk", {"command": "change", "records": rows})
    assert (stale.status_code, User.objects.filter(name="甲").count()) == (412, 0)
    each = api.post("kernel/users/bulk", {"command": "change", "records": rows, "mode": "each"})
    assert [r["status"] for r in each.data["results"]] == [200, 412, 200]
    assert dict(User.objects.filter(pk__in=ids).values_list("login", "name")) == {
        "u0": "甲",
        "u1": "用户 1",
        "u2": "丙",
    }


def test_bulk_deletes_and_rehearses(api):
    made = api.post("kernel/users/bulk", {"command": "create", "records": users(2)}).data["results"]
    body = {"command": "delete", "ids": [r["id"] for r in made]}
    assert api.post("kernel/users/bulk", {**body, "dry_run": True}).data["done"] == 2
    assert User.objects.filter(login__in=("u0", "u1")).count() == 2
    assert api.post("kernel/users/bulk", body).data["done"] == 2
    assert not User.objects.filter(login__in=("u0", "u1")).exists()
    missing = api.post("kernel/users/bulk", body)
    assert (missing.status_code, missing.data["code"]) == (404, "not_found")


def test_bulk_under_a_key_is_done_once(api):
    body = {"command": "create", "records": users(2), "mode": "each"}
    first, again = (api.post("kernel/users/bulk", body, Idempotency_Key="b-1") for _ in range(2))
    assert first.content == again.content
    assert User.objects.filter(login__startswith="u").count() == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"command": "create"},
        {"command": "create", "ids": []},
        {"command": "fly", "ids": ["x"]},
        {"command": "change"},
        {"command": "create", "records": []},
        {"command": "create", "records": [1]},
        {"command": "change", "records": [{"name": "x"}]},
        {"command": "create", "records": [{}], "mode": "some"},
        {"command": "issue_client.x", "ids": []},
        {"command": "create", "records": "x"},
        {"command": "change", "ids": ["0195e0b6-3fd1-7c5c-8b8b-0195e0b63fd1"], "records": [{}]},
        [],
        "x",
        5,
    ],
)
def test_bulk_of_another_shape_is_refused(api, body):
    answer = api.post("kernel/users/bulk", body)
    assert answer.status_code in (404, 422), answer.content


def test_a_table_is_checked_then_imported_then_taken_back(api):
    content = "登录名,姓名,角色:角色\nli,李明,\nwang,王芳,\n".encode()
    checked = upload(api, "kernel/users/import", content, dry_run="true")
    assert (checked.status_code, checked.data["creates"], checked.data["faults"]) == (200, 2, [])
    assert not User.objects.filter(login="li").exists()
    done = upload(api, "kernel/users/import", content)
    assert (done.status_code, done.data["made"]) == (201, 2)
    assert api.get(done["Location"]).data["state"] == "done"
    undone = api.post(f"{done['Location']}/undo")
    assert (undone.status_code, undone.data["state"]) == (200, "undone")
    assert not User.objects.filter(login="li").exists()
    assert api.post(f"{done['Location']}/undo").status_code == 409


def test_faulty_cells_are_all_named_and_nothing_is_written(api):
    content = "login,name,language\nli,李明,fr\n,王芳,zh\n".encode()
    checked = upload(api, "kernel/users/import", content, dry_run="true")
    assert {(f["row"], f["column"]) for f in checked.data["faults"]} == {(1, "language"), (2, "login")}
    refused = upload(api, "kernel/users/import", content)
    assert {e["path"] for e in refused.data["errors"]} == {"rows.1.language", "rows.2.login"}
    assert not User.objects.filter(name__in=("李明", "王芳")).exists()


def test_columns_go_where_the_mapping_says(api):
    done = upload(
        api,
        "kernel/users/import",
        b"who,title\nli,Li\n",
        mapping=json.dumps({"who": "login", "title": "name"}),
    )
    assert done.status_code == 201, done.content
    assert User.objects.get(login="li").name == "Li"
    for mapping in ("x", "[]", '{"who": 5}', '{"who": "nothing"}', "{}"):
        assert upload(api, "kernel/users/import", b"who\nx\n", mapping=mapping).status_code in (400, 422)


def test_the_same_file_under_the_same_key_is_imported_once(api):
    headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": "i-1", "X-File-Name": "u.csv"}
    answers = [
        api.client.post(
            "/api/v1/kernel/users/import", b"login,name\nli,Li\n", content_type="text/csv", headers=headers
        )
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].content == answers[1].content


def test_what_is_no_table_is_refused(api):
    assert api.post("kernel/users/import").status_code == 422
    assert api.post("kernel/users/import", {"x": 1}).status_code == 415
    assert upload(api, "kernel/users/import", b"").status_code == 422
    assert upload(api, "kernel/users/import", b"PK\x03\x04broken", name="x.xlsx").status_code == 415
    assert api.post("kernel/tokens/import").status_code == 404


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_is_exported_in_full_is_imported_again(api, form):
    role = api.post(
        "kernel/roles", {"code": "r", "name_zh": "某", "name_en": "R", "grants": [{"permission": "sales.*"}]}
    ).data["id"]
    api.post("kernel/users", {"login": "li", "name": "李明", "roles": [{"role": role}]})
    exported = api.get(f"kernel/users/export?format={form}&full=true&login=li")
    content = b"".join(exported.streaming_content)
    assert exported["Content-Disposition"].endswith(f"users.{form}")
    User.objects.filter(login="li").delete()
    done = upload(api, "kernel/users/import", content, name=f"users.{form}")
    assert (done.status_code, done.data["made"]) == (201, 1), done.content
    assert User.objects.get(login="li").roles.get().role_id == Role.objects.get(code="r").pk


def test_an_export_shows_labels_and_heeds_filters(api):
    api.post("kernel/users/bulk", {"command": "create", "records": users(3)})
    text = b"".join(api.get("kernel/users/export?login__in=u0,u2&sort=login").streaming_content).decode(
        "utf-8-sig"
    )
    assert [line.split(",")[0] for line in text.strip().splitlines()] == ["Login", "u0", "u2"]
    for query in ("format=pdf", "colour=red", "sort=colour", "full=perhaps"):
        assert api.get(f"kernel/users/export?{query}").status_code == 422, query
