"""The partner and flows of the bus's own tests, and messages as they would have come about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from banyan.integration.models import Attempt, Flow, Message
from banyan.integration.tests.conftest import account, empty_pages, flow, partner, system  # noqa: F401
from banyan.lib.ids import new_id


@pytest.fixture
def message() -> Callable[..., Message]:
    """Make a message of a flow, with its tries: (seconds after it, outcome) each."""

    def make(of: Flow, at: datetime, *tries: tuple[float, str], **given: Any) -> Message:
        key = new_id()
        state = "done" if tries and tries[-1][1] == "done" else given.pop("state", "waiting")
        facts = dict(direction=of.direction, source=str(key), type="test.sold", key=str(key), body={}, next_at=at,
                     state=state, reason="refused" if state == "dead" else "") | given  # fmt: skip
        made = Message.objects.create(id=key, flow=of, system=of.system, used_id=of.running_id, at=at, **facts)
        Attempt.objects.bulk_create(
            Attempt(id=new_id(), message=made, position=n, at=at + timedelta(seconds=after), ms=1, outcome=outcome,
                    used_id=of.running_id)
            for n, (after, outcome) in enumerate(tries, start=1)
        )  # fmt: skip
        return made

    return make
