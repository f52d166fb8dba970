"""The configuration that costs nginx least, for the workloads that it can serve. Used by servers."""

from __future__ import annotations

from pathlib import Path

from bench.paths import STATIC

CONFIG = """
daemon off; worker_processes {workers}; pid {scratch}/pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off; default_type text/plain; sendfile on; tcp_nopush on;
    open_file_cache max=1000; open_file_cache_valid 1s; keepalive_timeout 75; keepalive_requests 1000000000;
    client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi; uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
    server {{
        listen {listen} backlog=4096;
        location / {{ return 200 "hello, world"; }}
        location /static/ {{ alias {static}/; }}
    }}
}}
"""


def text(workers: int, listen: str, scratch: Path) -> str:
    """listen: the address, and what goes with it."""
    return CONFIG.format(workers=workers, listen=listen, scratch=scratch, static=STATIC)
