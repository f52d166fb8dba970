"""A real haproxy that hands connections to a server as they are, with a PROXY header in front."""

from pathlib import Path

from integration.http_client import Address, connect
from integration.server import Process, free_port, program
from integration.waiting import until

CONFIGURATION = """
defaults
    mode tcp
    timeout connect 20s
    timeout client 60s
    timeout server 60s

frontend clients
    bind {bind}
    default_backend app

backend app
    server app {upstream} {option}
"""


class Haproxy(Process):
    """option: send-proxy, send-proxy-v2, or others of a `server` line."""

    def __init__(self, directory: Path, upstream: Address, option: str, host: str = "127.0.0.1") -> None:
        self.address = (host, free_port())
        name = upstream if isinstance(upstream, tuple) else ("unix@" + upstream,)
        file = directory / f"haproxy-{option.replace(' ', '-')}.cfg"
        file.write_text(
            CONFIGURATION.format(
                bind=bind_text(self.address), upstream=":".join(map(str, name)), option=option
            )
        )
        super().__init__([program("haproxy"), "-db", "-f", str(file)], directory)
        until(self._listens, lambda: self.log)

    def _listens(self) -> bool:
        assert not self.ended, self.log
        try:
            connect(self.address).close()
        except ConnectionRefusedError:
            return False
        return True


def bind_text(address: tuple[str, int]) -> str:
    """haproxy tells an IPv6 address from its port by the last colon."""
    return f"{address[0]}:{address[1]}"
