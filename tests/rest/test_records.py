"""Records over REST: read, list, create, change, delete, and what their headers promise."""

from __future__ import annotations

import pytest

from banyan.kernel.models import Audit, Role, User

pytestmark = pytest.mark.django_db
BOSS = {"code": "boss", "name_zh": "老板", "name_en": "Boss", "grants": [{"permission": "*", "reach": "all"}]}


def made(api, **more):
    answer = api.post("kernel/roles", BOSS | more)
    assert answer.status_code == 201, answer.content
    return answer


def test_a_created_record_has_an_address_and_a_version(api):
    answer = made(api)
    assert answer["ETag"] == '"v1"'
    assert answer["Location"] == f"/api/v1/kernel/roles/{answer.data['id']}"
    read = api.get(answer["Location"])
    assert read.status_code == 200
    assert read.data == answer.data
    assert read.data["grants"][0]["permission"] == "*"
    line = Audit.objects.get(command="kernel.role.create")
    assert (line.through, line.program, line.person) == ("rest", "token:test", api.user.pk)


def test_a_change_needs_the_version_it_is_based_on(api):
    place = made(api)["Location"]
    assert api.patch(place, {"name_zh": "总经理"}).status_code == 428
    first = api.patch(place, {"name_zh": "总经理"}, If_Match='"v1"')
    assert (first.status_code, first["ETag"], first.data["name_zh"]) == (200, '"v2"', "总经理")
    stale = api.patch(place, {"name_zh": "董事长"}, If_Match='"v1"')
    assert (stale.status_code, stale.data["code"], stale.data["data"]["now"]) == (412, "stale", 2)
    assert api.patch(place, {"name_zh": "董事长"}, If_Match='"v2", "v9"').status_code == 200
    assert api.patch(place, {"name_zh": "董事长"}, If_Match='W/"v3"').status_code == 412
    assert api.patch(place, {"name_zh": "董事长"}, If_Match="v3").status_code == 422
    assert Role.objects.get(code="boss").name_zh == "董事长"


def test_a_delete_needs_the_version_and_leaves_nothing(api):
    place = made(api)["Location"]
    assert api.delete(place).status_code == 428
    assert api.delete(place, If_Match='"v2"').status_code == 412
    gone = api.delete(place, If_Match='"v1"')
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(place).status_code == 404
    assert not Role.objects.filter(code="boss").exists()


def test_the_version_one_holds_is_not_sent_again(api):
    place = made(api)["Location"]
    assert api.get(place, If_None_Match='"v1"').status_code == 304
    assert api.get(place, If_None_Match='"v2"').status_code == 200


def test_pages_follow_one_another_to_the_end(api):
    for n in range(5):
        made(api, code=f"r{n}")
    first = api.get("kernel/roles?limit=3&sort=code&fields=code&code__starts=r")
    assert [row["code"] for row in first.data["items"]] == ["r0", "r1", "r2"]
    assert set(first.data["items"][0]) == {"id", "version", "code"}
    second = api.get(f"kernel/roles?limit=3&sort=code&fields=code&code__starts=r&cursor={first.data['next']}")
    assert [row["code"] for row in second.data["items"]] == ["r3", "r4"]
    assert second.data["next"] is None


def test_lines_and_titles_come_when_asked_for(api):
    role = made(api).data["id"]
    user = api.post("kernel/users", {"login": "li", "name": "李明", "roles": [{"role": role}]}).data
    rows = api.get("kernel/users?login=li&fields=login,roles&expand=roles.role").data["items"]
    assert rows[0]["roles"][0]["role"]["id"] == role
    one = api.get(f"kernel/users/{user['id']}?fields=login,roles&expand=roles.role").data
    assert set(one) == {"id", "version", "login", "roles"}
    assert one["roles"][0]["role"] == {"id": role, "title": "Boss"}  # the caller speaks English


def test_each_of_several_references_gets_its_title(api, world):
    plant = str(world.plant.pk)
    user = api.post("kernel/users", {"login": "li", "name": "李明", "plants": [plant]}).data
    wanted = [{"id": plant, "title": "P1 一厂"}]
    assert api.get(f"kernel/users/{user['id']}").data["plants"] == [plant]
    assert api.get(f"kernel/users/{user['id']}?expand=plants").data["plants"] == wanted
    assert api.get("kernel/users?login=li&expand=plants").data["items"][0]["plants"] == wanted


def test_search_filters_and_unknown_names(api):
    made(api)
    assert [r["code"] for r in api.get("kernel/roles?code=boss").data["items"]] == ["boss"]
    assert api.get("kernel/roles?code__in=boss,none").data["items"][0]["code"] == "boss"
    assert len(api.get("kernel/users?q=caller").data["items"]) == 1
    for query in (
        "colour=red",
        "code__like=b",
        "sort=colour",
        "fields=colour",
        "expand=code",
        "limit=0",
        "limit=x",
        "cursor=zz",
    ):
        answer = api.get(f"kernel/roles?{query}")
        assert answer.status_code == 422, query
        assert answer["Content-Type"] == "application/problem+json"


def test_the_same_key_gives_the_same_bytes_and_acts_once(api):
    first = api.post("kernel/roles", BOSS, Idempotency_Key="k-1")
    again = api.post("kernel/roles", BOSS, Idempotency_Key="k-1")
    assert (again.status_code, again.content, again["ETag"], again["Location"]) == (
        201,
        first.content,
        first["ETag"],
        first["Location"],
    )
    assert again["Idempotent-Replay"] == "true"
    assert "Idempotent-Replay" not in first
    other = api.post("kernel/roles", BOSS | {"code": "x"}, Idempotency_Key="k-1")
    assert (other.status_code, other.data["code"]) == (422, "key_reused")
    assert Role.objects.filter(code="boss").count() == 1
    place = first["Location"]
    changed = api.patch(place, {"name_zh": "甲"}, If_Match='"v1"', Idempotency_Key="k-2")
    replay = api.patch(place, {"name_zh": "甲"}, If_Match='"v1"', Idempotency_Key="k-2")
    assert (replay.status_code, replay.content) == (200, changed.content)
    assert api.get(place).data["version"] == 2


def test_a_refusal_is_not_kept_under_the_key(api):
    assert api.post("kernel/roles", {"code": "boss"}, Idempotency_Key="k-1").status_code == 422
    assert api.post("kernel/roles", BOSS, Idempotency_Key="k-1").status_code == 201


def test_a_short_answer_has_key_and_version(api):
    answer = api.post("kernel/roles", BOSS, Prefer="return=minimal")
    assert (answer.status_code, set(answer.data), answer["ETag"]) == (201, {"id", "version"}, '"v1"')


def test_a_create_takes_few_statements(api, django_assert_num_queries):
    api.get("me")  # takes a lease of calls
    with django_assert_num_queries(7):  # caller, savepoint, actor, insert, audit, read, release
        assert api.post("kernel/users", {"login": "li", "name": "李明"}).data["roles"] == []


def test_a_dry_run_answers_and_writes_nothing(api):
    answer = api.post("kernel/roles", BOSS, Dry_Run="true")
    assert (answer.status_code, answer.data["code"]) == (200, "boss")
    assert "Location" not in answer
    assert not Role.objects.filter(code="boss").exists()
    assert api.post("kernel/roles", BOSS, Dry_Run="perhaps").status_code == 422


def test_the_device_time_stands_in_the_audit(api):
    api.post("kernel/roles", BOSS, X_Device_Time="2026-03-02T16:00:00+08:00")
    assert (
        Audit.objects.get(command="kernel.role.create").device_at.isoformat() == "2026-03-02T08:00:00+00:00"
    )
    assert api.post("kernel/roles", BOSS, X_Device_Time="2026-03-02T16:00:00").status_code == 422
    assert api.get("kernel/roles?created_at__gt=2026-03-02T16:00:00-22:07").status_code == 200
    odd = api.post(
        "kernel/tokens/issue",
        {"name": "x", "expires_at": "2999-01-01T00:00:00-23:59"},
        X_Device_Time="2026-03-02T16:00:00-22:07",
    )
    assert (odd.status_code, odd.data["result"]["expires_at"]) == (200, "2999-01-01T23:59:00+00:00")


def test_comments_and_files_lie_beside_a_record(api):
    place = made(api)["Location"]
    assert api.post(f"{place}/comment", {"text": "请核对"}).status_code == 200
    kept = api.call(
        "POST",
        "files",
        raw=b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        kind="application/pdf",
        X_File_Name="plan.pdf",
    )
    assert kept.status_code == 201, kept.content
    attached = api.post(f"{place}/attach", {"digest": kept.data["digest"], "name": "图纸.pdf"})
    assert (attached.status_code, attached.data["record"]["version"]) == (200, 1)
    listed = api.get(f"{place}/attachments").data["items"]
    assert [(a["name"], a["size"]) for a in listed] == [("图纸.pdf", kept.data["size"])]
    content = api.get(listed[0]["href"])
    assert b"".join(content.streaming_content).startswith(b"%PDF")
    assert content["Content-Disposition"].startswith("attachment")
    kinds = [m["kind"] for m in api.get(f"{place}/timeline").data["items"]]
    assert "comment" in kinds
    assert "command" in kinds


def test_a_record_outside_ones_scope_does_not_exist(api, account):
    place = made(api)["Location"]
    clerk = account(("kernel.role.*", "own"))
    for answer in (
        clerk.get(place),
        clerk.get(f"{place}/timeline"),
        clerk.patch(place, {"name_zh": "x"}, If_Match='"v1"'),
        clerk.delete(place, If_Match='"v1"'),
        clerk.post(f"{place}/comment", {"text": "x"}),
        clerk.get(f"{place}/attachments"),
    ):
        assert answer.status_code == 404
    assert clerk.get("kernel/roles").data["items"] == []
    own = made(clerk, code="own")
    assert [r["code"] for r in clerk.get("kernel/roles").data["items"]] == ["own"]
    assert clerk.get(own["Location"]).status_code == 200


def test_whoever_may_write_but_not_read_gets_key_and_version(account):
    answer = account("kernel.role.create").post("kernel/roles", BOSS)
    assert answer.status_code == 201
    assert set(answer.data) == {"id", "version"}


def test_methods_that_are_not_there_are_named(api):
    place = made(api)["Location"]
    answer = api.call("PUT", place, BOSS)
    assert (answer.status_code, answer["Allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH")
    assert api.call("OPTIONS", place)["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert api.call("HEAD", place)["ETag"] == '"v1"'
    assert api.call("POST", "kernel/tokens", {"name": "x"}).status_code == 405
    assert api.call("BREW", "kernel/roles").status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "nothing",
        "kernel",
        "kernel/nothing",
        "kernel/roles/nothing",
        "kernel/roles/create",
        "kernel/roles/",
        "kernel/users/change_password",
        "kernel/roles/%00",
        "queries/nothing",
    ],
)
def test_an_address_that_leads_nowhere_is_a_problem(api, path):
    answer = api.post(path, {})
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_me_and_find_tell_only_what_is_ones_own(api, account):
    made(api)
    clerk = account(("kernel.user.read", "own"), limits=["kernel.user.read"])
    me = clerk.get("me").data
    assert (me["login"], me["limits"]) == (clerk.user.login, ["kernel.user.read"])
    assert [i["id"] for i in clerk.get("find?q=caller").data["items"]] == [str(clerk.user.pk)]
    assert len(api.get("find?q=caller").data["items"]) == User.objects.count()


def test_answers_speak_the_language_asked_for(api):
    assert api.get("kernel/roles/x", Accept_Language="zh-CN").data["title"] == "找不到"
    answer = api.get("kernel/roles?limit=0", Accept_Language="en;q=0.9, zh;q=0.1")
    assert (answer.data["title"], answer["Content-Language"]) == ("Invalid input", "en")


def test_a_fault_is_logged_once_and_shows_its_number(api, monkeypatch, caplog):
    from banyan.web.rest import resources

    monkeypatch.setattr(resources.reading, "list_records", lambda *_: 1 / 0)
    answer = api.get("kernel/roles")
    assert (answer.status_code, answer.data["code"]) == (500, "unexpected")
    lines = [r for r in caplog.records if r.name == "banyan.rest"]
    assert len(lines) == 1
    assert answer.data["data"]["incident"] in lines[0].getMessage()


def test_a_ledger_row_is_commented_without_being_touched(api, samples, app_role):
    from banyan.kernel import registry

    noun = registry.noun("sales.order_line")
    place = f"{noun.spec.path}/{samples.any('sales.order_line')}"
    assert api.get(place)["ETag"] == '"v1"'
    assert api.post(f"{place}/comment", {"text": "请核对"}, If_Match='"v1", "v2"').status_code == 200
    assert api.post(f"{place}/comment", {"text": "请核对"}, If_Match='"v2"').status_code == 412
