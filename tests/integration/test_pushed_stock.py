"""From a change of stock to the shop's shelf, by the processes that `banyan up` runs, and nobody else."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from banyan.config.cli.up import BANYAN
from banyan.integration.secrets import new_key
from banyan.modules.channels.tests.conftest import Stall
from tests.integration.both_sides import red
from tests.integration.shop import Integrator, joined, open_shop
from tests.plugins.world import World

PROGRAMS = ("work", "dispatch", "bus")


@contextmanager
def running(url: str, keys: str) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Have the worker, the dispatcher and the bus run on a database meanwhile."""
    surroundings = os.environ | {
        "DATABASE_URL": url, "BANYAN_DB_ROLE": "owner", "DJANGO_SETTINGS_MODULE": "tests.settings",
        "BANYAN_SECRETS_KEY": keys,
    }  # fmt: skip
    made = {name: subprocess.Popen([*BANYAN, name], env=surroundings) for name in PROGRAMS}
    try:
        yield made
    finally:
        for one in made.values():
            one.terminate()
        for one in made.values():
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()


def seconds_until(holds, most: float) -> float:
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < most, "the shop was not told in time"
        time.sleep(0.02)
    return time.monotonic() - begun


@pytest.mark.slow
def test_a_change_of_stock_is_on_the_shops_shelf_within_seconds(live_db, ctx, settings):
    settings.BANYAN_SECRETS_KEY = new_key()
    stall = Stall(World(ctx))
    with open_shop(datetime.now(UTC).replace(microsecond=0), "LAMP") as shop:
        ours = stall.shop("W1", platform="woocommerce", system="WOO")
        joined(Integrator(ctx), shop)
        stall.listing(ours, "LAMP", stall.world.part, price="88.90")
        with running(live_db.url(), settings.BANYAN_SECRETS_KEY) as processes:
            stall.put(stall.world.part, 10)
            up = seconds_until(lambda: shop.stock == {"LAMP": 10}, 90)
            took = []
            for n in range(2, 7):
                stall.put(stall.world.part, 10)
                took.append(seconds_until(lambda n=n: shop.stock == {"LAMP": 10 * n}, 20))
            assert {name: one.poll() for name, one in processes.items()} == dict.fromkeys(PROGRAMS)
    print(f"up and told after {up:.1f} s; then after {', '.join(f'{one:.2f}' for one in took)} s")
    assert sorted(took)[2] < 3.0
    assert max(took) < 8.0
    assert red() == []
