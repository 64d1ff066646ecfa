"""The last pieces over HTTP: the real web workers, four shops' programs with many clients each, one answer for each."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal as D

import pytest
from django.db import connection

from banyan.kernel import access, proofs
from banyan.kernel.models import AccessToken, Role, RoleGrant, User, UserRole
from banyan.modules.channels.models import ChannelOrder
from banyan.modules.channels.tests.conftest import Stall
from banyan.modules.inventory.models import Supply
from banyan.modules.sales.models import Order
from tests.plugins.server import Server
from tests.plugins.world import World

PROOFS = ["channels.amounts", "channels.bookings", "channels.bodies", "sales.kept_stock", "sales.states"]
SHOPS = 4


@pytest.fixture
def site(live_db, tmp_path):
    """Give the web processes as `banyan up` starts them by default: two, of sixteen threads."""
    made = Server(live_db.url("banyan_app"), tmp_path, workers=2, threads=16)
    made.start()
    yield made
    made.kill()
    connection.close()


def program(code: str) -> str:
    """Make the account of a shop's program, which may bring orders and nothing else; give its token."""
    user = User.objects.create(login=f"shop-{code}", name=code, is_program=True)
    role = Role.objects.create(code=f"shop-{code}", name_zh=code, name_en=code)
    RoleGrant.objects.create(role=role, permission="channels.order.receive")
    UserRole.objects.create(user=user, role=role)
    token = access.new_token()
    AccessToken.objects.create(user=user, name=code, digest=access.token_digest(token), scopes=["*"])
    return token


@pytest.mark.parametrize(
    ("clients", "pieces"), [(8, 25), pytest.param(32, 100, marks=pytest.mark.slow)], ids=["32 clients", "128 clients"]
)
def test_clients_of_four_shops_are_told_in_the_same_answer_who_gets_the_last_pieces(site, ctx, clients, pieces):
    market = Stall(World(ctx))
    market.put(market.world.part, pieces)
    shops = [market.shop(f"S{n}") for n in range(SHOPS)]
    for shop in shops:
        market.listing(shop, "A-1", market.world.part)
    tokens = {shop.code: program(shop.code) for shop in shops}
    asked = [market.outside(shop, buyer=f"b{n}") for shop in shops for n in range(clients)]
    start = threading.Barrier(len(asked))

    def one(order: dict) -> tuple[int, dict, float]:
        link = site.connect(120)
        link.connect()
        headers = {"Authorization": f"Bearer {tokens[order['shop']]}", "Content-Type": "application/json",
                   "Idempotency-Key": order["number"]}  # fmt: skip
        start.wait(60)
        begun = time.perf_counter()
        link.request("POST", "/api/v1/channels/orders/receive", json.dumps({"orders": [order]}).encode(), headers)
        answer = link.getresponse()
        body = json.loads(answer.read())
        return answer.status, body, time.perf_counter() - begun

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(asked)) as pool:
        found = list(pool.map(one, asked))
    seconds = time.perf_counter() - begun
    assert Counter(status for status, _, _ in found) == {200: SHOPS * clients}
    told = [body["result"][0] for _, body, _ in found]
    slowest = max(took for _, _, took in found)
    held = Counter(one["hold"] or one["state"] for one in told)
    print(f"{SHOPS} shops × {clients} clients over HTTP, {pieces} pieces: {dict(held)} in {seconds:.1f} s, "
        f"the slowest answer {slowest:.1f} s")  # fmt: skip
    assert Counter((one["state"], one["hold"]) for one in told) == {
        ("accepted", ""): pieces, ("held", "no_stock"): SHOPS * clients - pieces,
    }  # fmt: skip
    assert [one["number"] for one in told] == [order["number"] for order in asked]
    assert all(market.world.part.code in json.dumps(one["text"], ensure_ascii=False) for one in told if one["hold"])
    supply = Supply.objects.get(item=market.world.part)
    assert (supply.available, supply.promised) == (D(pieces), D(pieces))
    assert ChannelOrder.objects.filter(state="accepted").count() == Order.objects.count() == pieces
    assert [v.proof.key for v in proofs.run(PROOFS) if not v.is_green] == []
