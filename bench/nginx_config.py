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
        location / {{ {front} }}
        location /static/ {{ alias {static}/; }}
    }}
    {behind}
}}
"""
HELLO = 'return 200 "hello, world";'
CACHED = "proxy_pass http://unix:{scratch}/upstream:; proxy_http_version 1.1; proxy_cache pages;"
UPSTREAM = """
    proxy_cache_path {scratch}/cache keys_zone=pages:1m max_size=64m use_temp_path=off;
    server {{
        listen unix:{scratch}/upstream; root {scratch};
        location / {{ rewrite ^ /page break; add_header Cache-Control "public, max-age=86400"; }}
    }}
"""


def text(workers: int, listen: str, scratch: Path, page: bytes | None = None) -> str:
    """listen: the address, and what goes with it. page: what an upstream gives, for the cache."""
    front, behind = HELLO, ""
    if page is not None:
        (scratch / "page").write_bytes(page)
        front, behind = CACHED.format(scratch=scratch), UPSTREAM.format(scratch=scratch)
    names = {"scratch": scratch, "static": STATIC, "front": front, "behind": behind}
    return CONFIG.format(workers=workers, listen=listen, **names)
