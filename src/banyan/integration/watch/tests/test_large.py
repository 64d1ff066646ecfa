"""A million messages, a hundred thousand keys: the board stays quick, a scan ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from banyan.integration.connecting import Incoming
from banyan.integration.tests.conftest import PAGES, do
from banyan.integration.watch import days, health, scanning
from banyan.integration.watch.models import Discrepancy, Scan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 31, 8, 0, tzinfo=UTC)
MESSAGES = 1_000_000


def run(sql: str, params: list | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def test_the_board_of_a_million_messages_is_quick(flow):
    flows = [flow() for _ in range(5)]
    run(
        """
        INSERT INTO integration_message (id, flow_id, system_id, used_id, direction, source, digest, type, key, body,
            raw, state, reason, error, attempts, at, next_at, code, note, noun)
        SELECT md5('m' || n)::uuid, f.id, f.system_id, f.running_id, 'out', n::text, '', 'test.sold', 'K' || n %% 50000,
            '{}', '', CASE WHEN n %% 100 < 2 THEN 'waiting' WHEN n %% 1000 = 7 THEN 'dead' ELSE 'done' END,
            CASE WHEN n %% 1000 = 7 AND n %% 100 >= 2 THEN 'refused' ELSE '' END, '', 1,
            %s::timestamptz - n * interval '2.6 seconds', %s::timestamptz - n * interval '2.6 seconds', '', '', ''
        FROM generate_series(1, %s) n JOIN (
            SELECT id, system_id, running_id, row_number() OVER (ORDER BY id) - 1 AS place FROM integration_flow) f
            ON f.place = n %% 5
        """, [NOW, NOW, MESSAGES],
    )  # fmt: skip
    run(
        """
        INSERT INTO integration_attempt (id, message_id, position, at, ms, outcome, reason, code, error, used_id)
        SELECT md5('a' || m.source)::uuid, m.id, 1, m.at + interval '0.2 seconds', 5, m.state, '', '', '', m.used_id
        FROM integration_message m WHERE m.state IN ('done', 'dead')
        """
    )
    run("ANALYZE integration_message")
    run("ANALYZE integration_attempt")
    begun = time.perf_counter()
    days.rebuild(days.due_days(NOW, ZONE), ZONE, NOW)
    counted = time.perf_counter() - begun
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        shown = health.board(NOW, ZONE)
        times.append(time.perf_counter() - begun)
    print(f"days counted in {counted:.2f} s; board {min(times) * 1000:.0f} ms, worst {max(times) * 1000:.0f} ms")
    assert len(shown.flows) == len(flows)
    assert shown.systems[0].yesterday.done > 30_000
    assert sum(one.hour.done for one in shown.flows) > 1_000
    assert min(times) < 0.3  # the machine of tests is shared


def test_a_hundred_thousand_keys_are_compared(ctx, system):
    count = 100_000
    run(
        """
        INSERT INTO kernel_role (id, version, created_at, changed_at, code, name_zh, name_en, areas, home, cards)
        SELECT md5('r' || n)::uuid, 1, %s::timestamptz - (n %% 600) * interval '1 hour' - interval '1 day', now(),
               'R' || n, 'N' || n, '', '{}', '', '{}' FROM generate_series(1, %s) n
        """, [NOW, count],
    )  # fmt: skip
    def page(start: int) -> list[Incoming]:
        return [
            Incoming(id=str(n), body={"no": f"R{n}", "name": f"N{n}" if n % 10_000 else "other",
                                      "at": (NOW - timedelta(hours=n % 600 + 24)).isoformat()})
            for n in range(start, min(start + 1000, count - 4))
        ]  # fmt: skip

    PAGES["list"] = [page(start) for start in range(1, count, 1000)]
    made = do(ctx, "watch.scan.create", records=[dict(
        code="BIG", name="大", kind="theirs", system=str(system.pk), operation="list", noun="kernel.role",
        where="code:starts=R", key_field="code", at_field="created_at", their_key="no", their_at="at",
        fields=[{"ours": "name_zh", "theirs": "name"}],
    )]).ids[0]  # fmt: skip
    begun = time.perf_counter()
    done = scanning.run_scan(ctx.with_(now=NOW), Scan.objects.select_related("system").get(pk=made))
    print(f"{done.ours} + {done.theirs} keys in {time.perf_counter() - begun:.1f} s")
    assert done.ours >= count
    kinds = list(Discrepancy.objects.order_by("kind").values_list("kind", flat=True))
    assert kinds == ["different"] * 9 + ["missing_there"] * 5
