"""Flask-SocketIO in its threading mode: events over a websocket or by long polling."""

import os

from flask import Flask
from flask_socketio import SocketIO, disconnect, emit

app = Flask(__name__)
talk = SocketIO(app, async_mode="threading", ping_interval=0.3, ping_timeout=1)


def note(text: str) -> None:
    with open("noted", "a") as file:
        file.write(f"{text}\n")


@app.get("/pid")
def pid() -> str:
    return str(os.getpid())


@talk.on("hello")
def hello(name: str) -> None:
    emit("answer", f"Hello, {name}!")


@talk.on("leave")
def leave() -> None:
    disconnect()


@talk.on("disconnect")
def gone(*_reason: object) -> None:
    note("disconnected")
