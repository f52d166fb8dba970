"""WebSockets by Flask-Sock, and pages beside them."""

import os
import time
from typing import Any

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import Server

application = Flask(__name__)
application.config["SOCK_SERVER_OPTIONS"] = (
    {"ping_interval": float(os.environ["PING_INTERVAL"])} if "PING_INTERVAL" in os.environ else {}
)
sock = Sock(application)


@sock.route("/echo")
def echo(client: Server) -> None:
    while True:
        client.send(client.receive())


@sock.route("/close-after-one")
def close_after_one(client: Server) -> None:
    client.send(client.receive())
    client.close(4000, "that is all")


@sock.route("/fail")
def fail(client: Server) -> None:
    client.receive()
    raise KeyError("in the view")


@application.get("/pid")
def pid() -> str:
    return str(os.getpid())


@application.get("/late")
def late() -> str:
    time.sleep(60)
    return "never"


@application.get("/hints")
def hints() -> str:
    send: Any = request.environ.get("wsgi.early_hints")
    if send is not None:
        send([("Link", "</style.css>; rel=preload; as=style")])
    return "page"
