"""The site that is deployed again and again: each version says which it is, some are broken."""

from pathlib import Path

MODULE = "deployed"

REQUEST = b"GET /?t HTTP/1.1\r\nHost: test\r\n\r\n"
GATE = b"GET /gate?t HTTP/1.1\r\nHost: test\r\n\r\n"

APPLICATION = """
import os
import sys
import time
from itertools import repeat
sys.path.append({apps!r})
VERSION = {version}
{extra}
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/gate":
        from gated import pass_gate
        pass_gate()
    if path == "/slow":
        time.sleep(float(environ["QUERY_STRING"]))
    if path == "/stuck":
        sum(repeat(0))  # in C, without an end and without a look at signals
    if path == "/download":
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return (bytes([number % 256]) * 65536 for number in range(256))
    token = environ["QUERY_STRING"].encode()
    body = b"%d %d " % (VERSION, os.getpid()) + token * 50
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Token", token.decode())])
    return [body]
"""

# What makes a generation useless, each in its own way.
BROKEN = {
    "syntax error": "def broken(:",
    "exit in import": "sys.exit(3)",
    "killed in import": "os.kill(os.getpid(), 9)",
    "hangs in import": "import threading; threading.Event().wait()",
    "exits after ready": """
import threading
def leave(version):
    open("exit-" + version, "rb").read()
    os._exit(5)
threading.Thread(target=leave, args=[str(VERSION)], daemon=True).start()
""",
}


class Site:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.version = 0
        self.release()

    def release(self, extra: str = "") -> int:
        """Writes the next version, whole or not at all. Returns its number."""
        self.version += 1
        apps = str(Path(__file__).parents[1] / "integration" / "apps")
        fresh = self.directory / "fresh"
        fresh.write_text(APPLICATION.format(version=self.version, extra=extra, apps=apps))
        fresh.rename(self.directory / f"{MODULE}.py")
        return self.version
