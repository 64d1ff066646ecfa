"""Sales by the bus: a new account is our customer, what is won is one draft of an order, however often it is read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

from django.db import connection

from banyan.integration.mapping.models import KeyLink
from banyan.integration.models import Message
from banyan.integration.watch import defaults
from banyan.integration.watch.models import Discrepancy, Scan
from banyan.integration.watch.scanning import run_scan
from banyan.kernel import proofs
from banyan.modules.parties.models import Party
from banyan.modules.sales.models import Order, OrderLine
from tests.integration.partner import partner
from tests.integration.shop import Integrator, carry, samples
from tests.plugins.world import World


class Organization:
    """Salesforce as it keeps accounts and opportunities, each with its stamps."""

    def __init__(self, now) -> None:
        self.now = now
        self.kept: dict[str, list[dict]] = {"Account": [], "Opportunity": []}

    def add(self, kind, **facts):
        sample = samples("salesforce", {"Account": "account.json", "Opportunity": "opportunity.json"}[kind])
        stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        self.kept[kind].append(sample | {"CreatedDate": stamp, "SystemModstamp": stamp, "IsWon": True} | facts)
        return self.kept[kind][-1]

    def answer(self, asked):
        if asked.path.endswith("/oauth2/token"):
            return {"access_token": "00D!1", "token_type": "Bearer"}
        soql = asked.one("q")
        if "CloseDate >= " in soql:
            return self._won_on(soql)
        kind, stamp = re.search(r"FROM (\w+) WHERE", soql)[1], re.search(r"(\w+) >= ", soql)[1]
        begin, end = (datetime.fromisoformat(each) for each in re.findall(r"\d{4}-\S+Z", soql))
        rows = [
            row for row in self.kept[kind]
            if begin <= datetime.fromisoformat(row[stamp]) <= end and (row["IsWon"] or "IsWon" not in soql)
        ]  # fmt: skip
        return {"totalSize": len(rows), "done": True, "records": sorted(rows, key=lambda row: row[stamp])}

    def _won_on(self, soql):
        """Give what was won on days, behind an id, in the order of the ids."""
        begin, end = re.findall(r"CloseDate [<>]= (\S+)", soql)
        behind, size = re.search(r"Id > '(\w+)'", soql), int(soql.rpartition("LIMIT ")[2])
        rows = [row for row in self.kept["Opportunity"] if row["IsWon"] and begin <= row["CloseDate"] <= end
                and (not behind or row["Id"] > behind[1])]  # fmt: skip
        return {"totalSize": len(rows), "done": True, "records": sorted(rows, key=lambda row: row["Id"])[:size]}


def join(hand, url, account):
    system = hand.system("SFDC", "salesforce", {"address": url, "client_id": "3MVG9"}, {"client_secret": "s"},
                         account=hand.account("parties.party.create", "sales.order.create"))  # fmt: skip
    hand.flow(
        system, "CUSTOMERS", samples("salesforce", "account.json"), direction="in", trigger="poll", order="free",
        detail={"operation": "accounts", "every": 60}, target="parties.party.create",
        mapping={"preset": "salesforce.accounts"}, reply={"link": {"code": "Id", "entity": "parties.party"}},
    )  # fmt: skip
    hand.do("mapping.key_link.link", system="SFDC", entity="parties.party", code="0010", record=str(account.pk))
    sample = samples("salesforce", "opportunity.json") | {"AccountId": "0010"}
    hand.flow(
        system, "ORDERS", sample, direction="in", trigger="poll", order="free",
        detail={"operation": "won", "every": 60}, target="sales.order.create",
        mapping={"preset": "salesforce.won", "settings": {"plant": "P1", "currency": "CNY", "tax_code": "VAT13"}},
    )  # fmt: skip


def test_a_new_account_and_what_it_buys_are_ours_once(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    now = datetime.now(UTC)
    there_ = Organization(now)
    ctx = ctx.with_(now=now)
    world = World(ctx)
    assert world.product.code == "FG-1"
    assert world.part.code == "MP-1"
    assert world.plant
    assert world.vat13.code == "VAT13"
    with partner(there_.answer) as there:
        join(Integrator(ctx), there.url, world.customer)
        there_.add("Account")
        won = there_.add("Opportunity", IsWon=False)
        lost = there_.add("Opportunity", Id="0062", Name="没有谈成", IsWon=False)

        def pass_minutes(minutes=2):
            nonlocal now
            for _ in range(minutes):
                now += timedelta(seconds=61)
                there_.now = now
                carry(now)

        pass_minutes()
        assert not Order.objects.exists()
        won |= {"IsWon": True, "SystemModstamp": now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
        pass_minutes(3)
        party = Party.objects.get(code="CU-88")
        assert KeyLink.objects.get(system="SFDC", code="001D000000IqhSLIAZ").record == party.pk
        assert party.addresses.get().line == "文一路 1 号"
        order = Order.objects.get()
        assert (order.state, order.party_id, order.customer_reference) == ("draft", party.pk, "榕西 · 减速机 40 台")
        lines = OrderLine.objects.filter(order=order).order_by("position")
        assert list(lines.values_list("item__code", "quantity", "price", "note")) == [
            ("FG-1", D(40), D("88.9"), ""), ("MP-1", D(2), D("12.5"), "备件"),
        ]  # fmt: skip
        assert str(lines[0].wanted_on) == "2026-03-20"
        # Touched, it is the same; changed, a person is told; of an unknown account or item, nothing is made up.
        stamp = now.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        won |= {"SystemModstamp": stamp}
        pass_minutes()
        assert set(Message.objects.values_list("state", flat=True)) == {"done"}
        won |= {"SystemModstamp": now.strftime("%Y-%m-%dT%H:%M:%S.000+0000"), "Name": "改了"}
        lost |= {"IsWon": True, "AccountId": "none", "SystemModstamp": won["SystemModstamp"]}
        pass_minutes()
    assert Order.objects.count() == 1
    dead = Message.objects.filter(state="dead").order_by("reason")
    assert [(one.body["Id"][:4], one.reason) for one in dead] == [("0062", "mapping"), ("006D", "source_reused")]
    assert Party.objects.filter(is_customer=True).count() == 2
    assert [v.found.faults for v in proofs.run() if not v.is_green and v.proof.key.startswith("integration.")] == []
    connection.close()


def test_what_was_won_and_who_is_new_is_compared_each_night_and_fetched(live_db, ctx, settings, tmp_path):
    settings.BANYAN_SECRETS_KEY, settings.BANYAN_SECRETS_FILE = "", tmp_path / "secrets-keys"
    now = datetime.now(UTC)
    there_, ctx = Organization(now), ctx.with_(now=now)
    world, hand = World(ctx), Integrator(ctx)
    assert (world.product.code, world.part.code, world.vat13.code) == ("FG-1", "MP-1", "VAT13")
    assert world.plant
    today = f"{now:%F}"

    def found(code: str) -> list[tuple[str, str, str]]:
        scan = Scan.objects.select_related("system", "fetch_flow").get(code=code)
        found.run = run_scan(ctx.with_(now=now + timedelta(hours=1)), scan)
        listed = Discrepancy.objects.filter(scan=scan).exclude(state="closed")
        return sorted(listed.values_list("kind", "key", "proposed"))

    with partner(there_.answer) as there:
        join(hand, there.url, world.customer)
        there_.add("Account")
        won = there_.add("Opportunity", CloseDate=today, AccountId="0010")
        for n in range(2):
            carry(now + timedelta(seconds=61 * (n + 1)))
        assert (Order.objects.count(), Party.objects.filter(code="CU-88").count()) == (1, 1)
        defaults.seed(ctx)
        made = set(Scan.objects.filter(kind="theirs").values_list("code", "operation", "noun"))
        assert made == {("SCAN-CUSTOMERS", "accounts", "parties.party"), ("SCAN-ORDERS", "won_on", "sales.order")}
        assert (found("SCAN-CUSTOMERS"), found.run.ours, found.run.windows_differ) == ([], 1, 0)
        assert (found("SCAN-ORDERS"), found.run.ours, found.run.windows_differ) == ([], 1, 0)

        # Not read: they bear a stamp before what was read last, as what is restored or loaded there does.
        old = (now - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        missed = there_.add("Opportunity", Id="0069", CloseDate=today, AccountId="0010", SystemModstamp=old)
        new = there_.add("Account", Id="0019", AccountNumber="CU-99", Name="榕东机械", CreatedDate=old)
        name = f"0019@{new['CreatedDate']}"
        assert found("SCAN-ORDERS") == [("missing_here", "0069", "fetch_again")]
        assert (found.run.sums[0]["our_sum"], found.run.sums[0]["their_sum"]) == ("42", "84")
        assert found("SCAN-CUSTOMERS") == [("missing_here", name, "fetch_again")]
        hand.do("watch.discrepancy.fetch_again", *Discrepancy.objects.values_list("pk", flat=True))
        missed["SystemModstamp"] = (now + timedelta(seconds=150)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        for n in range(3, 6):
            carry(now + timedelta(seconds=61 * n))
        assert (Order.objects.count(), Party.objects.filter(code="CU-99").count()) == (2, 1)
        assert set(Message.objects.values_list("state", flat=True)) == {"done"}, "read later, it is the same"
        assert (found("SCAN-ORDERS"), found("SCAN-CUSTOMERS")) == ([], [])

        there_.kept["Account"].pop(0)
        won["IsWon"] = False
        missed["OpportunityLineItems"]["records"][1]["Quantity"] = 3.0
        assert found("SCAN-ORDERS") == [
            ("different", "0069", "task"), ("missing_there", won["Id"], "task"),
        ]  # fmt: skip
        assert [kind for kind, _, _ in found("SCAN-CUSTOMERS")] == ["missing_there"]
    connection.close()
