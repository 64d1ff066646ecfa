"""Which environment this installation is: nobody of another is ever spoken to.

It is said in up to three places: by BANYAN_ENVIRONMENT, by a file of the data folder, and in the database. The latter
two are written at the first start. A database that is restored elsewhere still says what the original was, and the
place it came to says something else, or nothing: then no outside system is called until `banyan environment` settles
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from banyan.integration.connecting import Failed
from banyan.integration.errors import EnvironmentGiven
from banyan.integration.models import Installation, System
from banyan.integration.models.systems import ENVIRONMENTS
from banyan.kernel import db
from banyan.lib.labels import L, Label

UNSAID = "test"
LABELS: Mapping[str, Label] = {"test": L("测试", "test"), "production": L("正式", "production")}
#: What the database says, as part of a statement.
KEPT = "(SELECT environment FROM integration_installation)"


@dataclass(frozen=True, slots=True)
class Here:
    """What is said of this installation, by place; empty where a place says nothing."""

    given: str
    file: str
    kept: str

    @property
    def environment(self) -> str | None:
        """Give the environment, None where what is said does not agree or comes from elsewhere."""
        said = {word for word in (self.given, self.file, self.kept) if word}
        if len(said) > 1 or said - {*ENVIRONMENTS} or (self.kept and not (self.given or self.file)):
            return None
        return said.pop() if said else UNSAID

    @property
    def text(self) -> Label:
        """Say in words what each place says."""
        nothing = L("未写明", "nothing")
        return L("数据库：{kept}；数据目录：{file}；BANYAN_ENVIRONMENT：{given}",
                 "database: {kept}; data folder: {file}; BANYAN_ENVIRONMENT: {given}").filled(
            {name: LABELS.get(getattr(self, name), nothing) for name in ("kept", "file", "given")}
        )  # fmt: skip


def here(kept: str | None) -> Here:
    """Give what is said of this installation.

    Takes:  kept: what the database says, None where it says nothing
    """
    return Here(given=_given(), file=_read(), kept=kept or "")


def stored() -> Here:
    """Give what is said of this installation, the database asked. One statement."""
    return here(Installation.objects.values_list("environment", flat=True).first())


def require(system: str, environment: str, kept: str | None) -> None:
    """Let a system be spoken to only from its own environment.

    Takes:  kept: what the database says of this installation
    Raises: Failed("environment"), before anything is opened
    """
    found = here(kept)
    if found.environment == environment:
        return
    if found.environment is None:
        raise Failed("environment", L(
            "本安装属于哪个环境不明（{said}），没有连接 {system}：请在服务器上运行 banyan environment test（副本）"
            "或 banyan environment production（正式），再重放",
            "It is not clear which environment this installation is ({said}), so {system} was not called: run "
            "`banyan environment test` (a copy) or `banyan environment production` on the server, then replay",
        ).filled({"said": found.text, "system": system}))  # fmt: skip
    raise Failed("environment", L(
        "{system} 属于{theirs}环境，本安装是{ours}环境，没有连接它：请改用{ours}环境的系统；"
        "若环境填错，在外部系统中更正后重放",
        "{system} is of the {theirs} environment and this installation is {ours}, so it was not called: use a system "
        "of the {ours} environment or, where that is wrong, correct the environment of the system, then replay",
    ).filled({"system": system, "theirs": LABELS[environment], "ours": LABELS[found.environment]}))  # fmt: skip


def settle() -> Here:
    """Write down at the first start which environment this is, where nothing contradicts it.

    Gives:  what is said then
    Writes: the file of the data folder; the row of the database
    """
    found = stored()
    word = found.environment
    if word is None:
        return found
    if not found.file:
        _write(word)
    if not found.kept:
        Installation.objects.get_or_create(id=1, defaults={"environment": word, "at": timezone.now()})
    return stored()


def bind(word: str) -> Here:
    """Say from now on that this installation is of an environment.

    Raises: EnvironmentGiven where BANYAN_ENVIRONMENT says another; nothing is written
    Writes: the file; the row; the version of each system, so that running processes take it up
    """
    if word not in ENVIRONMENTS:
        raise ValueError(word)
    if _given() not in ("", word):
        raise EnvironmentGiven(given=_given())
    with transaction.atomic():
        Installation.objects.update_or_create(id=1, defaults={"environment": word, "at": timezone.now()})
        db.run(f"UPDATE {System._meta.db_table} SET version = version + 1")
        _write(word)
    return stored()


def _given() -> str:
    return str(settings.BANYAN_ENVIRONMENT)


def _file() -> Path:
    return Path(settings.BANYAN_ENVIRONMENT_FILE)


def _read() -> str:
    try:
        return _file().read_text().strip()[:12]
    except OSError:
        return ""


def _write(word: str) -> None:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.draft")
    draft.write_text(f"{word}\n")
    draft.replace(file)
