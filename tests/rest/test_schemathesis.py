"""The whole description, thrown at the interface: no fault, no answer that it does not describe.

Every run takes a new seed and prints it; BANYAN_SEED repeats one, BANYAN_EXAMPLES sets how many there are for
each operation in one round. The short run meets as many operations as fit into its seconds, in random order;
the long one all of them, round by round, until its minutes are over.
"""

from __future__ import annotations

import os
import random
import time
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples_of
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from banyan.kernel import registry
from banyan.web.rest import openapi
from tests.plugins import figures

pytestmark = pytest.mark.django_db
SECONDS, LONG_SECONDS = 12, 400
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def thrown(api, samples, settings):
    """Give a function that throws examples at operations for some seconds, `each` at every one in a round.

    It gives how many operations it met, how many there are, and what was found, by operation.
    """
    settings.BANYAN_RATE_PER_MINUTE = 10**7
    # The test's transaction lies open around every request.
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    app = get_wsgi_application()
    schema = schemathesis.openapi.from_dict(openapi.document("en"))
    schema.app = app
    schema.config.update(base_url="http://testserver/api/v1")
    seed = figures.seed()

    def throw(seconds: float, each: int, *, is_whole: bool) -> tuple[int, int, dict[str, str]]:
        operations = [found.ok() for found in schema.get_all_operations()]
        random.Random(seed).shuffle(operations)
        end, met, found = time.monotonic() + seconds, 0, {}
        while True:
            for operation in operations:
                if time.monotonic() > end and not (is_whole and met < len(operations)):
                    return met, len(operations), found
                if operation.label in found:
                    continue
                try:
                    _throw(operation, api, keys_of(samples, operation), seed + met, each)
                except schemathesis.core.failures.FailureGroup as faults:
                    found[operation.label] = "\n".join(str(fault) for fault in faults.exceptions)
                    print(f"{operation.label}: {found[operation.label]}", flush=True)
                met += 1

    yield throw
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


def keys_of(samples: Any, operation: Any) -> list[str]:
    """Give keys of records that exist, for the operation's noun."""
    noun = (operation.tags or [""])[0]
    if "{id}" not in operation.path or not registry.has_noun(noun):
        return []
    try:
        with transaction.atomic():
            return [str(samples.any(noun))]
    except Exception:  # a noun whose records only its commands make
        samples.kept.clear()
        return []


def _throw(operation: Any, api: Any, keys: list[str], seed: int, each: int) -> None:
    kinds = st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE), operation.as_strategy(GenerationMode.NEGATIVE)
    )

    @hypothesis.seed(seed)
    @examples_of(
        max_examples=each,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=False,
    )
    @given(case=kinds, known=st.booleans())
    def throw(case: Any, known: bool) -> None:
        if known and keys and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = keys[0]
        with transaction.atomic():
            answer = case.call(
                headers={"Authorization": f"Bearer {api.token}", "Accept-Encoding": "identity"}
            )
            case.validate_response(answer, checks=CHECKS)
            transaction.set_rollback(True)

    throw()


def test_as_many_operations_as_fit_answer_as_described(thrown):
    met, there, found = thrown(SECONDS, 2, is_whole=False)
    print(f"{met} of {there} operations")
    assert found == {}
    assert met


@pytest.mark.slow
@pytest.mark.timeout(2 * LONG_SECONDS)
def test_all_operations_answer_as_described(thrown):
    met, there, found = thrown(LONG_SECONDS, int(os.environ.get("BANYAN_EXAMPLES") or 5), is_whole=True)
    print(f"{there} operations, {met / there:.1f} rounds")
    assert found == {}
    assert met >= there
