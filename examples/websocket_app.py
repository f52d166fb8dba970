"""WebSockets in Flask, by Flask-Sock: all visitors see each message.

    pip install flask-sock
    rhebok --chdir examples --workers 2 --threads 50 websocket_app

A WebSocket holds its thread for as long as it is open, so there must be more threads than visitors. Pings
find clients that vanished without closing, and keep proxies from timing out an idle connection.
"""

import os
import tempfile

from flask import Flask
from flask_sock import Sock
from simple_websocket import Server

# Workers are processes, so they share the messages in a file, one per line.
CHAT = os.environ.get("EXAMPLE_CHAT", os.path.join(tempfile.gettempdir(), "rhebok-chat"))

POLL_SECONDS = 0.1

app = application = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25, "max_message_size": 4096}
sock = Sock(app)

PAGE = """<!doctype html>
<title>Chat</title>
<form><input autofocus></form>
<ul></ul>
<script>
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/chat`)
  const input = document.querySelector("input")
  socket.onmessage = event => {
    const item = document.createElement("li")
    item.textContent = event.data
    document.querySelector("ul").append(item)
  }
  document.querySelector("form").onsubmit = event => {
    event.preventDefault()
    socket.send(input.value)
    input.value = ""
  }
</script>
"""


@app.get("/")
def page() -> str:
    return PAGE


@sock.route("/chat")
def chat(visitor: Server) -> None:
    """When the visitor leaves, receive() or send() raises, and Flask-Sock handles that exception."""
    with open(CHAT, "a+b") as messages:
        messages.seek(0)
        while True:
            for line in messages.readlines():
                visitor.send(line.decode().rstrip("\n"))
            message = visitor.receive(timeout=POLL_SECONDS)
            if isinstance(message, str):
                write(message)


def write(message: str) -> None:
    """One write of one line to a file opened for appending: messages of several workers are not mixed."""
    with open(CHAT, "ab", buffering=0) as messages:
        messages.write(" ".join(message.split()).encode() + b"\n")
