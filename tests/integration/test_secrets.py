"""Secrets are sealed outside the database's reach, rotated while two keys are valid, and never readable by accident."""

from __future__ import annotations

import logging
import stat
import threading

import pytest

from banyan.integration import secrets
from banyan.integration.secrets import (
    Holder,
    SecretKeysBusy,
    SecretKeysElsewhere,
    SecretKeysUnreadable,
    SecretUnreadable,
    holds_secrets,
    in_use,
    is_sealed,
    key_of,
    keys,
    new_key,
    reseal,
    resealed,
    retire,
    reveal,
    rotate,
    seal,
)


@pytest.fixture(autouse=True)
def key_file(tmp_path, settings, monkeypatch):
    settings.BANYAN_SECRETS_KEY = ""
    settings.BANYAN_SECRETS_FILE = tmp_path / "data" / "secrets-keys"
    monkeypatch.setattr(secrets, "_holders", {})
    return settings.BANYAN_SECRETS_FILE


@pytest.fixture
def shelf():
    """Give a keeper of two secrets, in a dict."""
    kept = {"token": seal("t-榕-1", "system:1:token"), "password": seal("p-2", "system:1:password")}

    def put(place, before, after):
        if kept[place] != before:
            return False
        kept[place] = after
        return True

    holds_secrets(Holder("shelf", lambda: iter([(n, f"system:1:{n}", v) for n, v in list(kept.items())]), put))
    return kept


def test_what_was_sealed_is_revealed_for_its_purpose_only(key_file):
    sealed = seal("密码-s3cret", "system:1:token")
    assert reveal(sealed, "system:1:token") == "密码-s3cret"
    assert is_sealed(sealed)
    assert "s3cret" not in sealed
    assert seal("密码-s3cret", "system:1:token") != sealed
    for purpose in ("system:2:token", "system:1:password", ""):
        with pytest.raises(SecretUnreadable):
            reveal(sealed, purpose)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda s: s[:-2] + "AA",
        lambda s: s.replace("v1.", "v2."),
        lambda s: s[:20],
        lambda s: "",
        lambda s: "plain text",
        lambda s: s.rsplit(".", 1)[0] + ".é",
    ],
)
def test_a_changed_text_opens_nothing(spoil):
    with pytest.raises(SecretUnreadable):
        reveal(spoil(seal("s3cret", "p")), "p")


def test_the_key_lies_in_a_file_that_only_its_owner_reads(key_file):
    assert not key_file.exists()
    seal("s3cret", "p")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert [p.name for p in key_file.parent.iterdir()] == ["secrets-keys"]


def test_many_first_calls_make_one_key(key_file):
    barrier, found = threading.Barrier(8), []

    def call():
        barrier.wait()
        found.append(keys()[0].value)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_rotation_keeps_both_keys_valid_until_nothing_needs_the_older(shelf):
    old = keys()[0].id
    new = rotate().id
    assert [key.id for key in keys()] == [new, old]
    assert reveal(shelf["token"], "system:1:token") == "t-榕-1"
    assert key_of(seal("x", "p")) == new
    with pytest.raises(SecretKeysBusy):
        rotate()
    with pytest.raises(SecretKeysBusy):
        retire()
    assert in_use() == {new: 0, old: 2}
    assert reseal() == {"shelf": 2}
    assert reseal() == {"shelf": 0}
    assert in_use() == {new: 2, old: 0}
    assert retire() == (old,)
    assert [key.id for key in keys()] == [new]
    assert reveal(shelf["password"], "system:1:password") == "p-2"
    assert resealed(shelf["token"], "system:1:token") is None


def test_a_secret_entered_meanwhile_is_not_overwritten(shelf):
    rotate()
    before = dict(shelf)
    holder = secrets._holders["shelf"]

    def sealed_then_changed():
        yield "token", "system:1:token", before["token"]
        shelf["password"] = seal("entered just now", "system:1:password")
        yield "password", "system:1:password", before["password"]

    holds_secrets(Holder("shelf", sealed_then_changed, holder.put))
    assert reseal() == {"shelf": 1}
    assert reveal(shelf["password"], "system:1:password") == "entered just now"


def test_keys_of_the_surroundings_come_first_and_are_not_changed_here(settings, key_file):
    old, new = new_key(), new_key()
    settings.BANYAN_SECRETS_KEY = old
    sealed = seal("s3cret", "p")
    settings.BANYAN_SECRETS_KEY = f"{new},{old}"
    assert reveal(sealed, "p") == "s3cret"
    again = resealed(sealed, "p")
    settings.BANYAN_SECRETS_KEY = new
    assert reveal(again, "p") == "s3cret"
    with pytest.raises(SecretUnreadable) as told:
        reveal(sealed, "p")
    assert told.value.facts["key"] == old.split(":")[0]
    for act in (rotate, retire):
        with pytest.raises(SecretKeysElsewhere):
            act()
    assert not key_file.exists()


@pytest.mark.parametrize(
    "text", ["abcd:short", "nokey", "AB:" + "A" * 44, f"{'a' * 8}:{'A' * 43}=,{'a' * 8}:{'B' * 43}="]
)
def test_a_malformed_key_is_named_but_not_shown(settings, text):
    settings.BANYAN_SECRETS_KEY = text
    with pytest.raises(SecretKeysUnreadable) as told:
        keys()
    assert "BANYAN_SECRETS_KEY" in told.value.text("en")
    assert text not in told.value.text("en")


def test_no_key_and_no_secret_reaches_a_log(caplog):
    with caplog.at_level(logging.DEBUG):
        sealed = seal("s3cret-word", "p")
        reveal(sealed, "p")
        logging.getLogger("x").warning("%r %s", keys(), keys()[0])
    assert "s3cret-word" not in caplog.text
    assert keys()[0].value.hex() not in caplog.text
    assert repr(keys()[0].value)[2:10] not in caplog.text
