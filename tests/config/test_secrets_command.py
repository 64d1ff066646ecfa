"""The keys of the secrets are changed from the terminal."""

from __future__ import annotations

import base64

import pytest

from banyan.integration import secrets
from banyan.integration.connections import purpose
from banyan.integration.models import Secret, System
from banyan.integration.secrets import Holder, holds_secrets, key_of, new_key, reveal, seal
from banyan.kernel.models import Audit
from tests.integration.shop import Integrator


@pytest.fixture
def shelf(tmp_path, settings, monkeypatch):
    settings.BANYAN_SECRETS_KEY = ""
    settings.BANYAN_SECRETS_FILE = tmp_path / "secrets-keys"
    monkeypatch.setattr(secrets, "_holders", {})
    kept = {"token": seal("t-榕-1", "system:1:token")}
    holds_secrets(
        Holder(
            "shelf",
            lambda: iter([("token", "system:1:token", kept["token"])]),
            lambda place, before, after: bool(kept.update({place: after})) or True,
        )
    )
    return kept


def test_a_key_is_rotated_in_one_step_and_nothing_is_shown(banyan, shelf):
    old = key_of(shelf["token"])
    done = banyan("secrets", "rotate")
    assert done.exit_code == 0, done.output
    new = key_of(shelf["token"])
    assert new != old
    assert reveal(shelf["token"], "system:1:token") == "t-榕-1"
    assert done.output == f"New key {new}.\nshelf: 1 sealed anew.\nRetired {old}.\n"
    assert banyan("secrets", "status").output == f"{new}  1\n"


def audited():
    lines = Audit.objects.filter(command__startswith="integration.").order_by("seq")
    return list(lines.values_list("command", "outcome", "through", "input__reason"))


def test_each_step_leaves_a_line_in_the_audit_with_its_reason_and_no_key(banyan, shelf):
    assert banyan("secrets", "rotate", "--reason", "离职交接").exit_code == 0
    assert banyan("secrets", "reseal").exit_code == 0
    *steps, last = audited()
    assert steps == [
        (f"integration.secret.{name}", "done", "cli", "离职交接") for name in ("rotate", "reseal", "retire")
    ]
    assert last[:3] == ("integration.secret.reseal", "done", "cli")
    assert last[3]
    [key] = secrets.keys()
    assert base64.b64encode(key.value).decode() not in str(list(Audit.objects.values()))


def test_a_refused_rotation_leaves_a_line_too_and_the_key_stays(banyan, shelf, settings):
    settings.BANYAN_SECRETS_KEY = new_key()
    assert banyan("secrets", "rotate", "--reason", "例行").exit_code == 1
    assert audited() == [("integration.secret.rotate", "refused", "cli", "例行")]


def test_a_key_of_the_surroundings_is_not_rotated_here(banyan, shelf, settings):
    settings.BANYAN_SECRETS_KEY = banyan("secrets", "new-key").output.strip()
    done = banyan("secrets", "rotate")
    assert done.exit_code == 1
    assert "BANYAN_SECRETS_KEY" in done.output
    settings.BANYAN_SECRETS_KEY = f"{new_key()},{settings.BANYAN_SECRETS_KEY}"
    shelf["token"] = seal("again", "system:1:token")
    assert "shelf: 0 sealed anew." in banyan("secrets", "reseal").output


def test_the_secrets_of_outside_systems_follow_the_key(banyan, db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    word = "whsec_" + base64.b64encode(b"k" * 32).decode()
    system = Integrator(ctx).system("TOLD", "webhook", {"address": "http://127.0.0.1:9"}, {"signing_secret": word})
    old, version = key_of(Secret.objects.get().sealed), System.objects.get(pk=system).version
    done = banyan("secrets", "rotate")
    assert done.exit_code == 0, done.output
    assert "integration.secret: 1 sealed anew." in done.output
    sealed = Secret.objects.get().sealed
    assert old != key_of(sealed)
    assert len(secrets.keys()) == 1, "the older key went"
    assert reveal(sealed, purpose(system, "signing_secret")) == word
    assert System.objects.get(pk=system).version > version, "workers take it up"
