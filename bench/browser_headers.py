"""Two kilobytes of request headers, as a browser behind a proxy sends them (workload `browser`)."""

from __future__ import annotations

Headers = tuple[tuple[str, str], ...]

COOKIE_NAMES = ("session", "preferences", "_tracking", "basket", "consent", "experiment", "locale", "recent")
COOKIE = "; ".join(f"{name}={name * 16}{number:04d}" for number, name in enumerate(COOKIE_NAMES))

BROWSER_HEADERS: Headers = (
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.9,ja;q=0.8,de;q=0.7"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "http://www.example.com/products/list?page=7&sort=price&direction=ascending&in_stock=yes"),
    ("Cache-Control", "max-age=0"),
    ("DNT", "1"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Ch-Ua", '"Chromium";v="142", "Not_A Brand";v="99", "Google Chrome";v="142"'),
    ("Sec-Ch-Ua-Mobile", "?0"),
    ("Sec-Ch-Ua-Platform", '"Linux"'),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-User", "?1"),
    ("If-None-Match", 'W/"5f2b8c6e-1a2b3c4d5e6f"'),
    ("X-Forwarded-For", "203.0.113.195, 198.51.100.17"),
    ("X-Forwarded-Proto", "https"),
    ("X-Request-Id", "7b0c2f7e-59a4-4f0c-8a5a-0f7f0a5d3c11"),
    ("Cookie", COOKIE),
)
