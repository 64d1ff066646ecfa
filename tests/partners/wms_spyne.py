"""A warehouse that speaks SOAP, made with spyne: `python wms_spyne.py PORT`."""

import sys
import time
from decimal import Decimal as Number
from wsgiref.simple_server import WSGIRequestHandler, make_server

from spyne import Application, Array, ComplexModel, Decimal, Fault, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication


class Line(ComplexModel):
    sku = Unicode
    qty = Decimal


class Warehouse(ServiceBase):
    @rpc(Unicode, Array(Line), _returns=Unicode)
    def add_order(ctx, number, lines):
        if number == "X":
            raise Fault("Client.Duplicate", "订单 X 已存在")
        if number == "slow":
            time.sleep(3)
        return (
            f"{number}：{sum((line.qty for line in lines or ()), Number(0))} 件 {'、'.join(x.sku for x in lines or ())}"
        )


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


application = Application([Warehouse], "urn:wms", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
make_server("127.0.0.1", int(sys.argv[1]), WsgiApplication(application), handler_class=Quiet).serve_forever()
