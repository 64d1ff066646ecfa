"""Salesforce against a stand-in with ending tokens."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from urllib.parse import unquote

import pytest

from banyan.connectors.salesforce.connector import Salesforce
from banyan.integration import mappings
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, form_of, is_refused, polls_lose_nothing, read_all, sample
from tests.partners.standing import connection_to, outgoing


def stand_in(orders):
    state = {"given": 0, "valid": ""}

    def answer(asked):
        if asked.path == "/services/oauth2/token":
            if form_of(asked)["client_secret"] != "s3cret":
                return 401, {"error": "invalid_client", "error_description": "invalid client credentials"}
            state["given"] += 1
            state["valid"] = f"00D!{state['given']}"
            return {"access_token": state["valid"], "token_type": "Bearer"}
        if asked.headers.get("authorization") != f"Bearer {state['valid']}":
            return 401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
        if asked.path.endswith("/query"):
            soql = asked.one("q")
            if "FROM Nothing" in soql:
                return 400, [{"errorCode": "INVALID_TYPE", "message": "sObject type 'Nothing' is not supported."}]
            begin, end = (datetime.fromisoformat(each) for each in re.findall(r"\d{4}-\S+Z", soql))
            size = int(soql.rpartition("LIMIT ")[2])
            rows = [
                {"Id": f"006{n}", "Name": f"O{n}", "SystemModstamp": at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}
                for n, at in orders.within(begin, end)[:size]
            ]
            return {"totalSize": len(rows), "done": True, "records": rows}
        assert asked.method == "PATCH"
        state["written"] = (unquote(asked.path.rpartition("/")[2]), asked.json)
        return 201, {"id": "001", "success": True, "created": True}

    return answer, state


def link_to(there, secret="s3cret"):
    settings = {"address": there.url, "client_id": "3MVG9"}
    return connection_to(Salesforce(), settings, {"client_secret": secret}, now=NOW)


def test_records_are_read_and_none_is_lost_while_others_change():
    orders = Orders(120)
    with partner(stand_in(orders)[0]) as there:
        polls_lose_nothing(Salesforce(), link_to(there), orders, operation="records")


def test_a_record_is_written_by_its_outside_number_and_an_ended_token_is_taken_anew():
    answer, state = stand_in(Orders(0))
    with partner(answer) as there:
        salesforce, link = Salesforce(), link_to(there)
        for _ in range(2):
            salesforce.send(link, outgoing("upsert", sample(salesforce, "upsert.json")))
        assert (state["given"], state["written"][0]) == (1, "C/001")
        state["valid"] = "ended"
        assert salesforce.send(link, outgoing("upsert", sample(salesforce, "upsert.json"))).reply["success"]
        assert state["given"] == 2


def test_refusals_are_said():
    with partner(stand_in(Orders(0))[0]) as there:
        is_refused(Salesforce(), link_to(there, "wrong"), "not_allowed", "records")
        with pytest.raises(Failed, match="INVALID_TYPE") as fault:
            Salesforce().send(link_to(there), outgoing("query", {"q": "SELECT Id FROM Nothing"}))
        assert fault.value.kind == "refused"
        with pytest.raises(Failed) as fault:
            Salesforce().send(link_to(there), outgoing("upsert", {"object": "Account", "field": "x", "id": ".."}))
        assert fault.value.kind == "validation"


def test_new_accounts_and_won_opportunities_are_asked_with_their_lines():
    won = sample(Salesforce(), "opportunity.json") | {"SystemModstamp": "2026-03-05T08:00:00.000+0000"}
    seen = []

    def answer(asked):
        if asked.path.endswith("token"):
            return {"access_token": "t"}
        seen.append(asked.one("q"))
        return {"done": True, "records": [won] if " FROM Opportunity " in seen[-1] else []}

    with partner(answer) as there:
        salesforce, link = Salesforce(), link_to(there)
        [message] = salesforce.poll(link, "won", None, 50).messages
        assert salesforce.poll(link, "accounts", None, 50).messages == ()
        assert (message.id, message.body) == (won["Id"], sample(salesforce, "opportunity.json"))
        won |= {"SystemModstamp": "2026-03-05T08:20:00.000+0000"}
        [again] = salesforce.poll(link, "won", None, 50).messages
        assert (again.id, again.raw) == (message.id, message.raw), "to touch what is won wins it no second time"
        won["OpportunityLineItems"] |= {"done": False}
        assert salesforce.poll(link, "won", None, 50).messages[0].fault.kind == "too_large"
    assert seen[0] == (
        "SELECT Id, Name, CloseDate, AccountId, Account.Name, Account.AccountNumber, SystemModstamp, "
        "(SELECT Id, ProductCode, Description, Quantity, UnitPrice, ServiceDate FROM OpportunityLineItems ORDER BY Id) "
        "FROM Opportunity WHERE IsWon = TRUE AND SystemModstamp >= 2026-02-26T08:30:00Z "
        "AND SystemModstamp <= 2026-03-05T08:30:00Z ORDER BY SystemModstamp ASC, Id ASC LIMIT 50"
    )
    assert " FROM Account WHERE CreatedDate >= 2026-02-26T08:30:00Z AND CreatedDate <= " in seen[1]


def test_what_was_won_on_a_day_is_read_page_by_page_behind_the_last_id():
    stamp = "2026-03-05T08:00:00.000+0000"
    won = [sample(Salesforce(), "opportunity.json") | {"Id": f"006{n}", "SystemModstamp": stamp} for n in range(5)]
    seen = []

    def answer(asked):
        if asked.path.endswith("token"):
            return {"access_token": "t"}
        seen.append(asked.one("q").partition(" WHERE ")[2])
        behind = re.search(r"Id > '(\w+)'", seen[-1])
        rows = [one for one in won if not behind or one["Id"] > behind[1]]
        return {"done": True, "records": rows[: int(seen[-1].rpartition("LIMIT ")[2])]}

    with partner(answer) as there:
        salesforce, link = Salesforce(), link_to(there)
        position = salesforce.position_at(link, "won_on", NOW - timedelta(days=2))
        found, _ = read_all(salesforce, link, operation="won_on", position=position, limit=2)
        polled = salesforce.incoming(salesforce.call("won"), won[0])
        assert list(found) == [one["Id"] for one in won]
        assert found["0060"] == polled, "fetched again it is the message that a poll would have brought"
        with pytest.raises(Failed, match="no id"):
            salesforce.poll(link, "won_on", {"from": position["from"], "to": NOW.isoformat(), "page": 1, "size": 2,
                                             "after": "0' OR Id != '"}, 2)  # fmt: skip
    assert seen[:2] == [
        "IsWon = TRUE AND CloseDate >= 2026-03-02 AND CloseDate <= 2026-03-06 ORDER BY Id ASC LIMIT 2",
        "IsWon = TRUE AND CloseDate >= 2026-03-02 AND CloseDate <= 2026-03-06 AND Id > '0061' ORDER BY Id ASC LIMIT 2",
    ]


@pytest.mark.parametrize(("change", "gives"), [
    ({}, {"code": "CU-88", "contacts": [{"name": "榕西机械", "phone": "0571-88880000"}]}),
    ({"AccountNumber": None, "Phone": None}, {"code": "001D000000IqhSLIAZ"}),
    ({"BillingStreet": None, "BillingCity": None}, {"addresses": None}),
])  # fmt: skip
def test_an_account_becomes_a_customer(change, gives):
    whole = {
        "name": "榕西机械", "is_customer": True,
        "addresses": [
            {"kind": "invoice", "line": "文一路 1 号", "city": "杭州", "region": "浙江", "postcode": "310012"},
        ],
    }  # fmt: skip
    made = mappings.apply(
        mappings.frozen({"preset": "salesforce.accounts"}), sample(Salesforce(), "account.json") | change
    )
    wanted = {"code": "CU-88", "contacts": made.get("contacts")} | whole | gives
    assert made == {name: value for name, value in wanted.items() if value is not None}
