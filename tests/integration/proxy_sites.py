"""Real proxies with several sites each: a port, an upstream, and the directives of the site."""

import socket
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from integration.http_client import connect
from integration.nginx import TEMPORARY
from integration.server import Process, program
from integration.waiting import until


@dataclass(frozen=True)
class Site:
    port: int
    upstream: str  # HOST:PORT
    directives: str


def free_ports(count: int) -> list[int]:
    """Different ones: each is held until all are known."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in held]


class Proxy(Process):
    """A program with one configuration for all sites: every combination of directives and upstreams."""

    command: str

    def __init__(self, directory: Path, directives: Sequence[str], upstreams: Sequence[str]) -> None:
        pairs = list(product(directives, upstreams))
        ports = free_ports(len(pairs))
        self.sites = {
            (text, upstream): Site(port, upstream, text)
            for port, (text, upstream) in zip(ports, pairs, strict=True)
        }
        self.file = directory / f"{self.command}.conf"
        self.file.write_text(self.configuration(directory, list(self.sites.values())))
        super().__init__([program(self.command), *self.arguments(directory)], directory)
        until(self._listens, lambda: self.log)

    @abstractmethod
    def configuration(self, directory: Path, sites: Sequence[Site]) -> str: ...

    @abstractmethod
    def arguments(self, directory: Path) -> list[str]: ...

    def address(self, directives: str, upstream: str) -> tuple[str, int]:
        return ("127.0.0.1", self.sites[directives, upstream].port)

    def _listens(self) -> bool:
        assert not self.ended, self.log
        try:
            for site in self.sites.values():
                connect(("127.0.0.1", site.port)).close()
        except ConnectionRefusedError:
            return False
        return True


class Nginx(Proxy):
    command = "nginx"

    def configuration(self, directory: Path, sites: Sequence[Site]) -> str:
        servers = [
            f"server {{ listen 127.0.0.1:{site.port}; location / {{\n"
            f"proxy_pass http://{site.upstream};\n{site.directives}\n}} }}"
            for site in sites
        ]
        places = [f"{name}_temp_path {directory}/{name};" for name in TEMPORARY]
        return "\n".join(["events {}", "http {", "access_log off;", *places, *servers, "}", ""])

    def arguments(self, directory: Path) -> list[str]:
        options = f"daemon off; pid {directory}/nginx.pid; error_log stderr notice; user root;"
        return ["-p", str(directory), "-c", str(self.file), "-g", options]


class Haproxy(Proxy):
    command = "haproxy"

    def configuration(self, directory: Path, sites: Sequence[Site]) -> str:
        frontends = [
            f"frontend f{site.port}\n    bind 127.0.0.1:{site.port}\n    default_backend b{site.port}\n"
            f"{site.directives}\nbackend b{site.port}\n    server app {site.upstream}"
            for site in sites
        ]
        times = "timeout connect 20s\n    timeout client 60s\n    timeout server 60s"
        return "\n".join([f"defaults\n    mode http\n    {times}", *frontends, ""])

    def arguments(self, directory: Path) -> list[str]:
        return ["-db", "-f", str(self.file)]


class Apache(Proxy):
    command = "apache2"
    modules = ("mpm_event", "authz_core", "headers", "proxy", "proxy_http")

    def configuration(self, directory: Path, sites: Sequence[Site]) -> str:
        places = Path(program(self.command)).parents[1] / "lib" / "apache2" / "modules"
        loads = [f"LoadModule {name}_module {places}/mod_{name}.so" for name in self.modules]
        files = [f"PidFile {directory}/apache.pid", "ErrorLog /dev/stderr", "User www-data", "Group www-data"]
        hosts = [
            f"Listen 127.0.0.1:{site.port}\n<VirtualHost 127.0.0.1:{site.port}>\n"
            f"ProxyPass / http://{site.upstream}/\n{site.directives}\n</VirtualHost>"
            for site in sites
        ]
        return "\n".join([f"ServerRoot {directory}", "ServerName proxy.example", *files, *loads, *hosts, ""])

    def arguments(self, directory: Path) -> list[str]:
        return ["-D", "FOREGROUND", "-f", str(self.file)]


class Caddy(Proxy):
    command = "caddy"

    def configuration(self, directory: Path, sites: Sequence[Site]) -> str:
        blocks = [
            f"http://:{site.port} {{\n    bind 127.0.0.1\n    reverse_proxy {site.upstream} {{\n"
            f"{site.directives}\n    }}\n}}"
            for site in sites
        ]
        return "\n".join(["{\n    admin off\n}", *blocks, ""])

    def arguments(self, directory: Path) -> list[str]:
        return ["run", "--adapter", "caddyfile", "--config", str(self.file)]
