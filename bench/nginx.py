"""nginx as a server of the bench: its configuration, and the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.paths import STATIC

if TYPE_CHECKING:
    from bench.servers import Launch

NGINX_CONFIG = """
daemon off; worker_processes {workers}; pid {scratch}/pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off; default_type text/plain; sendfile on; tcp_nopush on;
    open_file_cache max=1000; open_file_cache_valid 1s; keepalive_timeout 75; keepalive_requests 1000000000;
    client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
    server {{
        listen {bind} backlog=4096{deferred};
        location / {{ return 200 "hello, world"; }}
        location /static/ {{ alias {static}/; }}
    }}
}}
"""


def nginx(launch: Launch) -> list[str]:
    """nginx with `return 200`, without an upstream."""
    config = launch.scratch / "nginx.conf"
    deferred = "" if launch.path else " deferred"
    config.write_text(
        NGINX_CONFIG.format(
            workers=launch.workers,
            scratch=launch.scratch,
            bind=launch.bind(),
            deferred=deferred,
            static=STATIC,
        )
    )
    return ["nginx", "-e", "stderr", "-c", str(config)]
