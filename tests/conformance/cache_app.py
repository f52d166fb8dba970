"""An application that answers as the field `Answer` of a request tells it, and counts the requests.

Answer: {"status": "200 OK", "fields": [["Name", "value"]], "body": "text"}, as JSON. "times": how often the
body is repeated; "yields": it is yielded, and not returned as a list, in so many blocks. GET /calls?/path
answers with the number of requests for that path.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

CALLS: Counter[str] = Counter()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/calls":
        start_response("200 OK", [])
        return [str(CALLS[environ["QUERY_STRING"]]).encode()]
    CALLS[path] += 1
    answer = json.loads(environ.get("HTTP_ANSWER", "{}"))
    fields = [(name, value) for name, value in answer.get("fields", [])]
    asked = environ.get("HTTP_IF_NONE_MATCH") or environ.get("HTTP_IF_MODIFIED_SINCE") or "no"
    fields += [("Call", str(CALLS[path])), ("Asked", asked)]
    start_response(answer.get("status", "200 OK"), fields)
    if answer.get("raises"):
        raise ValueError("as the case says")
    body = answer.get("body", "body").encode() * answer.get("times", 1)
    blocks = answer.get("yields", 0)
    size = len(body) // max(blocks, 1)
    return (body[at : at + size] for at in range(0, len(body), size)) if blocks else [body]
