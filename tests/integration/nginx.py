"""A real nginx with examples/nginx/nginx.conf, in a directory of its own."""

import re
import signal
from pathlib import Path

from integration.http_client import Address, connect
from integration.server import EXAMPLES, Process, free_port, program
from integration.waiting import until

CONFIGURATION = EXAMPLES / "nginx" / "nginx.conf"

TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]


class Nginx(Process):
    """The example's configuration, with our port and socket path instead of the ones for a real site."""

    def __init__(self, directory: Path, upstream: Address) -> None:
        self.address = ("127.0.0.1", free_port())
        text = CONFIGURATION.read_text()
        name = "{}:{}".format(*upstream) if isinstance(upstream, tuple) else f"unix:{upstream}"
        text = replace(text, "unix:/run/rhebok/app.sock;", f"{name};")
        text = replace(text, "listen 80;", "listen {}:{};".format(*self.address))
        places = [f"{name}_temp_path {directory}/{name};" for name in TEMPORARY]
        text = replace(text, "http {", "\n".join(["http {", "access_log off;", *places]))
        text = replace(text, "worker_processes auto;", "worker_processes 1;")
        file = directory / "nginx.conf"
        file.write_text(text)
        options = f"daemon off; pid {directory}/nginx.pid; error_log stderr notice; user root;"
        super().__init__([program("nginx"), "-p", str(directory), "-c", str(file), "-g", options], directory)
        until(self._listens, lambda: self.log)

    def _listens(self) -> bool:
        assert not self.ended, self.log
        try:
            connect(self.address).close()
        except ConnectionRefusedError:
            return False
        return True

    def judge(self) -> None:
        """Stops it; it must have found nothing wrong with the upstream."""
        assert self.stop(signal.SIGQUIT) == 0, self.log
        assert not re.findall(r"\[(?:warn|error|crit|alert|emerg)\].*", self.log), self.log


def replace(text: str, old: str, new: str) -> str:
    """Replaces a directive, which must be there once, so that a change of the example is noticed."""
    replaced, count = re.subn(
        rf"^( *(?:server )?){re.escape(old)}", lambda found: found[1] + new, text, flags=re.M
    )
    assert count == 1, old
    return replaced
