"""An MES that takes work orders by SOAP and reports by RabbitMQ.

    python mes_spyne.py PORT BROKER_PORT QUEUE FOLDER SEED

Each order it takes is worked at once: good pieces in parts at every step, some scrap at the first, one report taken
back. Reports are sent in any order, some twice by the same name and some by another; what was sent it lists by time.
FOLDER/orders.jsonl and FOLDER/reports.jsonl are its own books.
"""

import json
import random
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pika
from spyne import Application, Array, ComplexModel, Decimal, Fault, Integer, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication

port, broker, queue, folder, seed = sys.argv[1:]
chance, gate, taken = random.Random(int(seed)), threading.Lock(), {}
told = {"reports": [], "undone": []}


class Step(ComplexModel):
    operation = Unicode
    sequence = Integer
    name = Unicode
    work_centre = Unicode
    quantity = Decimal


class Report(ComplexModel):
    id = Unicode
    order = Unicode
    operation = Unicode
    kind = Unicode
    quantity = Decimal
    minutes = Decimal
    machine_minutes = Decimal
    lot = Unicode
    at = Unicode
    note = Unicode


class Undone(ComplexModel):
    id = Unicode
    report = Unicode
    at = Unicode
    note = Unicode


class Execution(ServiceBase):
    @rpc(Unicode, Unicode, Unicode, Unicode, Unicode, Unicode, Decimal, Unicode, Array(Step), _returns=Unicode)
    def add_work_order(ctx, message, number, order, item, item_name, unit, quantity, due_on, steps):
        with gate:
            if message in taken:
                return taken[message]
            if number == "refused":
                raise Fault("Client.Unknown", "没有此产品的工艺")
            taken[message] = f"MES-{len(taken) + 1}"
            _note("orders", {"message": message, "number": number, "quantity": str(quantity), "steps": len(steps)})
            _work(number, int(quantity), sorted(steps, key=lambda step: step.sequence))
            return taken[message]

    @rpc(Unicode, Integer, _returns=Array(Report))
    def list_reports(ctx, since, limit):
        return [Report(**one) for one in _since("reports", since, limit)]

    @rpc(Unicode, Integer, _returns=Array(Undone))
    def list_undone(ctx, since, limit):
        return [Undone(**one) for one in _since("undone", since, limit)]


def _since(queue, since, limit):
    begin = datetime.fromisoformat(since)
    with gate:
        rows = [one for one in told[queue] if datetime.fromisoformat(one["at"]) >= begin]
    return sorted(rows, key=lambda one: one["at"])[:limit]


def _note(book, row):
    with (Path(folder) / f"{book}.jsonl").open("a") as to:
        to.write(json.dumps(row) + "\n")


def _work(number, quantity, steps):
    """Report an order through its steps, shuffled."""
    bad, sent = 2, []
    for at, step in enumerate(steps):
        left = quantity - (bad if at else 0)
        if not at:
            left -= bad
            sent.append(_report(number, step, "SCRAP", bad, at))
        while left > 0:
            part = min(left, chance.randint(3, 9))
            sent.append(_report(number, step, "GOOD", part, at))
            left -= part
    wrong = _report(number, steps[0], "GOOD", 1, 0)
    undone = {"id": str(uuid.uuid4()), "report": wrong["id"], "at": datetime.now(UTC).isoformat(), "note": "录错"}
    told["reports"] += [*sent, wrong]
    told["undone"].append(undone)
    _note("reports", {"undone": wrong["id"]})
    again = chance.sample(sent, len(sent) // 2)
    out = [(one["id"], one) for one in [*sent, wrong, *chance.sample(sent, 3)]]
    out += [(f"again {one['id']}", one) for one in again] + [(undone["id"], undone)]
    chance.shuffle(out)
    opened = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(broker))).channel()
    opened.confirm_delivery()
    for name, body in out:
        kind = "undone" if "report" in body else "reports"
        opened.basic_publish("", f"{queue}-{kind}", json.dumps(body).encode(), pika.BasicProperties(
            message_id=name, delivery_mode=2, headers={"key": number}))  # fmt: skip
    opened.connection.close()


def _report(number, step, kind, quantity, at):
    made = {"id": str(uuid.uuid4()), "order": number, "operation": step.operation, "kind": kind, "quantity": quantity,
            "minutes": 2.5 * quantity, "at": datetime.now(UTC).isoformat(), "note": step.name}  # fmt: skip
    _note("reports", {**made, "sequence": step.sequence})
    return made


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


application = Application([Execution], "urn:mes", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
make_server("127.0.0.1", int(port), WsgiApplication(application), handler_class=Quiet).serve_forever()
