"""What a browser does: keeps cookies, follows redirects, fills in forms. urllib's opener, with a deadline."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

from integration.waiting import DEADLINE_SECONDS

BOUNDARY = "----form-boundary-7d1"


@dataclass(frozen=True)
class Page:
    status: int
    url: str
    fields: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden inputs of the page's forms, which a browser sends along."""
        return hidden_inputs(self.text)


class Browser:
    def __init__(self, root: str) -> None:
        self._root = root
        self.cookies = http.cookiejar.CookieJar()
        no_proxy = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(no_proxy, urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str, **fields: str) -> Page:
        return self.open(path, "GET", None, fields)

    def post(self, path: str, values: Mapping[str, str]) -> Page:
        return self.open(path, "POST", urllib.parse.urlencode(values).encode(), {})

    def post_file(self, path: str, values: Mapping[str, str], name: str, content: bytes) -> Page:
        """multipart/form-data, as a form with a file sends it (RFC 7578)."""
        parts = [_part(f'name="{key}"', value.encode()) for key, value in values.items()]
        parts.append(_part(f'name="{name}"; filename="upload.bin"', content))
        body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
        return self.open(path, "POST", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})

    def open(self, path: str, method: str, body: Any, fields: Mapping[str, str]) -> Page:
        """body: bytes, or an iterable of them, which urllib sends chunked."""
        named = {name.replace("_", "-"): value for name, value in fields.items()}
        request = urllib.request.Request(self._root + path, body, named, method=method)
        try:
            response = self._opener.open(request, timeout=DEADLINE_SECONDS)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return Page(response.status, response.url, response.headers, response.read())


def _part(disposition: str, content: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode() + content + b"\r\n"


def hidden_inputs(html: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
