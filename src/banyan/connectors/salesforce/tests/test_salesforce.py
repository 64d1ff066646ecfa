"""Salesforce against a stand-in with ending tokens."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote

import pytest

from banyan.connectors.salesforce.connector import Salesforce
from banyan.integration.connecting import Failed
from tests.integration.partner import partner
from tests.partners.shops import NOW, Orders, form_of, is_refused, polls_lose_nothing, sample
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
