"""Steps of traces are sent to a collector from a bounded store, and whatever it does costs nobody anything."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from django.views.debug import SafeExceptionReporterFilter

from banyan.config.environ import VARIABLES, BadVariable, env
from banyan.integration.watch import metrics
from banyan.kernel import exporting, tracing
from banyan.kernel.exporting import Exporter, keep_tally
from banyan.kernel.models import SpanTally
from banyan.lib import otlp, traces
from banyan.lib.errors import Conflict
from banyan.lib.ids import new_id
from tests.integration.collecting import collecting
from tests.integration.partner import partner
from tests.plugins.server import free_port

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def nobody(*_: int) -> None:
    """Take the counts and keep none."""


@pytest.fixture
def off():
    """Send nothing when the test is over."""
    yield
    tracing.end()


def some(count: int) -> None:
    for n in range(count):
        with tracing.begin("some", None, begins=True, n=n):
            pass


def test_a_step_says_what_it_was_where_it_belongs_and_how_it_ended():
    with collecting() as collector:
        key = new_id()
        with tracing.begin("outer", GIVEN, kind="server", key=key, number=3, is_so=True, share=0.5, none=None) as outer:
            with pytest.raises(Conflict), tracing.begin("inner", outer.trace):
                raise Conflict("so_it_is", "no")
            with pytest.raises(ZeroDivisionError), tracing.begin("broken", outer.trace):
                print(1 / 0)
        inner, broken, seen = collector.gathered()
    assert outer.trace == traces.step(GIVEN, key)
    assert (seen.name, seen.kind, seen.parent, seen.fault) == ("outer", "server", "00f067aa0ba902b7", None)
    assert seen.facts == {"banyan.number": 3, "banyan.is_so": True, "banyan.share": 0.5}
    assert (inner.parent, inner.fault, inner.facts) == (
        seen.step, None, {"banyan.outcome": "refused", "banyan.refusal": "so_it_is"},
    )  # fmt: skip
    assert (broken.fault, broken.facts) == ("fault", {"error.type": "ZeroDivisionError"})


def test_what_nobody_records_is_nothing_and_goes_on_as_it_was(ctx):
    assert tracing.begin("x", GIVEN, begins=True) is tracing.NOTHING
    with collecting(share=0.0) as collector:
        assert not tracing.begin("x", None, begins=True)
        assert not tracing.begin("x", None)
        assert not tracing.begin("x", GIVEN[:-2] + "00")
        assert tracing.NOTHING.of(ctx) is ctx
        assert collector.gathered() == []


def test_a_share_of_what_begins_here_is_recorded():
    with collecting(share=0.3) as collector:
        some(2000)
        assert 450 < len(collector.gathered()) < 750


def test_a_dead_collector_costs_nothing(off, caplog):
    with socket.socket() as deaf:  # takes connections and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        for port in (free_port(), deaf.getsockname()[1]):
            tracing.set_up(f"http://127.0.0.1:{port}", every=0.01, tell=nobody)
            sender = tracing.exporter()
            some(10)
            time.sleep(0.3)
            begun = time.perf_counter()
            some(2000)
            took = time.perf_counter() - begun
            print(f"port {port}: {took / 2000 * 1e6:.1f} us a step, {len(sender._waiting)} wait")
            assert took < 1.0
            begun = time.perf_counter()
            tracing.end()
            assert time.perf_counter() - begun < exporting.END_SECONDS + 1.0
            assert (sender.sent, sender.dropped) == (0, 2010)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "2010 steps of traces were dropped" in caplog.text


def test_what_finds_the_store_full_is_dropped_counted_and_said(caplog):
    told: list[tuple[int, int]] = []
    with collecting(most=50, tell=lambda sent, dropped: told.append((sent, dropped))) as collector:
        some(80)
        sender = tracing.exporter()
        assert sender.dropped == 30
        assert len(collector.gathered()) == 50
        some(20)
    assert (sender.sent, sender.dropped) == (70, 30)
    assert told == [(70, 30)]
    assert "30 steps of traces were dropped (more than can be sent)" in caplog.text


def test_a_collector_that_comes_back_gets_what_waited_and_one_that_refuses_does_not_get_it_again():
    with collecting() as collector:
        sender = tracing.exporter()
        collector.says = (503, {})
        some(3)
        assert not sender.flush()
        assert (sender.sent, sender.dropped, collector.seen) == (0, 0, [])
        collector.says = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "no"}}
        assert sender.flush()
        assert (sender.sent, sender.dropped) == (2, 1)
        collector.says = (400, {"message": "no"})
        some(4)
        assert sender.flush()
        assert (sender.sent, sender.dropped) == (2, 5)
        collector.says = None  # hangs up in the middle
        some(1)
        assert not sender.flush()
        collector.says = {}
        assert sender.flush()
        assert (sender.sent, sender.dropped) == (3, 5)


def test_the_thread_sends_by_itself_in_batches():
    with collecting(every=0.05) as collector:
        some(1200)
        end = time.monotonic() + 5
        while len(collector.seen) < 1200 and time.monotonic() < end:
            time.sleep(0.02)
        assert len(collector.seen) == 1200
        assert max(len(json.loads(one.body)["resourceSpans"][0]["scopeSpans"][0]["spans"])
                   for one in collector.asked) <= exporting.BATCH  # fmt: skip
    assert {one.path for one in collector.asked} == {"/v1/traces"}


@pytest.mark.parametrize(
    ("address", "path"),
    [("http://c:4318", "/v1/traces"), ("http://c:4318/", "/v1/traces"), ("https://c/otlp", "/otlp/v1/traces"),
     ("https://c/otlp/v1/traces", "/otlp/v1/traces")],
)  # fmt: skip
def test_the_address_may_have_the_path_or_not(address, path):
    assert Exporter(address, {})._path == path


def test_what_is_left_at_the_end_gets_there_though_the_collector_has_hung_up_meanwhile():
    with collecting(every=3600.0) as collector:
        sender = tracing.exporter()
        some(1)
        assert sender.flush()
        says = iter([None, {}])
        collector.says = lambda asked: next(says)
        some(2)
        tracing.end()
        assert len(collector.seen) == 3
    assert (sender.sent, sender.dropped) == (3, 0)


def test_any_text_of_a_partner_can_be_sent_and_none_at_length():
    with collecting() as collector:
        with tracing.begin("some", None, begins=True, code="\ud800 七" + "x" * 900, big=2**62):
            pass
        (seen,) = collector.gathered()
    assert seen.facts == {"banyan.code": "? 七" + "x" * (otlp.TEXT - 3), "banyan.big": 2**62}


def test_a_process_that_can_have_no_thread_goes_on_and_sends_later(monkeypatch, caplog):
    with collecting() as collector:
        with monkeypatch.context() as poor:
            poor.setattr("threading.Thread.start", lambda thread: (_ for _ in ()).throw(RuntimeError("no more")))
            some(1)
        some(1)
        assert len(collector.gathered()) == 2
    assert "No thread could be had" in caplog.text


PROGRAM = """
import os, sys
from banyan.kernel import tracing
tracing.set_up(sys.argv[1], tell=lambda *_: None)
def some(name):
    with tracing.begin(name, None, begins=True):
        pass
some("parent")
if (child := os.fork()) == 0:
    some("child")
    tracing.end()
    os._exit(0)
os.waitpid(child, 0)
some("parent")
"""


def test_a_forked_process_sends_its_own_and_what_is_left_goes_out_at_the_end():
    with collecting() as collector:
        words = [sys.executable, "-c", PROGRAM, collector.url]
        assert subprocess.run(words, capture_output=True, text=True, check=True).stderr == ""
    assert sorted(one.name for one in collector.seen) == ["child", "parent", "parent"]
    pids = {one.body.split(b'"process.pid","value":{"intValue":"')[1].split(b'"')[0] for one in collector.asked}
    assert len(pids) == 2
    assert str(os.getpid()).encode() not in pids


@pytest.mark.django_db
def test_what_all_processes_sent_and_dropped_is_in_the_metrics(monkeypatch):
    assert 'banyan_spans_total{outcome="sent"} 0\n' in metrics.text()
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    keep_tally(5, 1)
    keep_tally(7, 0)
    assert (SpanTally.objects.get().sent, SpanTally.objects.get().dropped) == (12, 1)
    said = metrics.text()
    assert 'banyan_spans_total{outcome="sent"} 12\nbanyan_spans_total{outcome="dropped"} 1\n' in said


@pytest.mark.parametrize(
    ("name", "text", "gives"),
    [("BANYAN_OTLP_HEADERS", "Authorization=Basic%20YT, X-S = t=1", {"Authorization": "Basic YT", "X-S": "t=1"}),
     ("BANYAN_OTLP_HEADERS", "", {}), ("BANYAN_OTLP_SAMPLE", "0.25", 0.25),
     ("BANYAN_OTLP_ENDPOINT", "https://c.example.com/otlp", "https://c.example.com/otlp")],
)  # fmt: skip
def test_settings_are_read(name, text, gives):
    assert VARIABLES[name].read(text) == gives


@pytest.mark.parametrize(
    ("name", "text"),
    [("BANYAN_OTLP_HEADERS", "hush"), ("BANYAN_OTLP_HEADERS", "a=hush%0d%0aX: 1"), ("BANYAN_OTLP_HEADERS", "a b=hush"),
     ("BANYAN_OTLP_SAMPLE", "2"), ("BANYAN_OTLP_SAMPLE", "nan"), ("BANYAN_OTLP_ENDPOINT", "c:4318"),
     ("BANYAN_OTLP_ENDPOINT", "http://me:hush@c:4318")],
)  # fmt: skip
def test_settings_that_are_wrong_end_the_program_and_a_secret_is_not_shown(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(BadVariable) as refused:
        env(name)
    assert name in str(refused.value)
    assert "HEADERS" not in name or "hush" not in str(refused.value)


def test_the_log_names_a_faults_kind_and_no_header(off, caplog):
    caplog.set_level(logging.DEBUG)
    with partner(lambda asked: (401, {})) as there:
        tracing.set_up(there.url, {"Authorization": "Bearer hush"}, tell=nobody)
        some(2)
        tracing.end()
        assert there.asked[0].headers["authorization"] == "Bearer hush"
    said: Any = caplog.text
    assert "2 steps of traces were dropped (HTTP 401)" in said
    assert "hush" not in said


def test_no_page_of_a_fault_shows_the_headers(settings):
    settings.BANYAN_OTLP_SECRET_HEADERS = {"X-Team": "hush"}
    assert "hush" not in str(SafeExceptionReporterFilter().get_safe_settings())
