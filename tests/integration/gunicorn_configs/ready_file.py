"""A file says to the proxy that the server is there, and is removed at the end."""

import os

errorlog = "error.log"
READY = "app-initialized"


def when_ready(server):
    with open(READY, "w") as file:
        file.write("hook: ready\n")


def on_exit(server):
    os.remove(READY)
    with open("history.log", "a") as file:
        file.write(f"hook: {server.proc_name} has ended, {len(server.WORKERS)} workers are left\n")
