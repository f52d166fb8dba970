"""Clients that know every response they must get, and go on through any number of deploys.

A connection that is refused, reset or closed in the middle, a response cut short, of the wrong status, or not
the one to the request: each is a failure. A kept-alive connection may end only after a response that said so.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from integration.http_client import Address, Client, Response
from integration.waiting import until


class CheckingClients:
    """`with` starts and stops them and raises the first failure.

    `versions` counts answers by version of the site, `kinds` by kind of the client: close or kept.
    """

    def __init__(self, address: Address, *, close: int = 2, kept: int = 2, may_fail: bool = False) -> None:
        self.versions: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self.failures: list[Exception] = []
        self.lost_by: Counter[int] = (
            Counter()
        )  # failures on kept connections, by the worker that had answered
        self._address = address
        self._may_fail = may_fail  # the test counts the failures itself
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        targets = [self._closing] * close + [self._keeping] * kept
        self._threads = [threading.Thread(target=self._guarded, args=(target,)) for target in targets]

    def __enter__(self) -> "CheckingClients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.failures and error is None and not self._may_fail:
            raise AssertionError(f"after {self.total} answers: {self.failures!r}") from self.failures[0]

    @property
    def total(self) -> int:
        return self.versions.total()

    def count(self, version: int) -> int:
        with self._lock:
            return self.versions[version]

    def wait_for(self, version: int, answers: int = 1) -> None:
        """Until that version has answered so often, or a client has failed."""
        until(lambda: self.failures or self.count(version) >= answers, lambda: self.versions)

    def wait_for_more(self, answers: int = 50) -> None:
        """Until there are so many more, whatever version they are of, or a client has failed."""
        goal = self.total + answers
        until(lambda: self.failures or self.total >= goal, lambda: self.versions)

    def wait_for_answers(self, answers: int) -> None:
        """Until there are so many more, however many fail meanwhile."""
        goal = self.total + answers
        until(lambda: self.total >= goal, lambda: f"{self.versions} {self.failures}")

    def _guarded(self, target: Callable[[], None]) -> None:
        """A client whose failures are counted starts anew after each."""
        while not self._stop.is_set():
            try:
                target()
            except Exception as error:
                self.failures.append(error)
                if not self._may_fail:
                    return

    def _closing(self) -> None:
        while not self._stop.is_set():
            with Client(self._address) as client:
                self._ask(client, "close", Connection="close")
                assert client.at_end(), "more than the response came"

    def _keeping(self) -> None:
        worker = 0
        try:
            while not self._stop.is_set():
                worker = 0
                with Client(self._address) as client:
                    while not self._stop.is_set():
                        response = self._ask(client, "kept")
                        worker = int(response.body.split(b" ", 2)[1])
                        if response.says_close:
                            break
        except Exception:
            self.lost_by[worker] += 1
            raise

    def _ask(self, client: Client, kind: str, **fields: str) -> Response:
        token = f"t{next(self._numbers)}"
        response = client.get(f"/?{token}", **fields)
        assert response.status == 200, response
        assert response.fields["x-token"] == token, response
        version, _, body = response.body.split(b" ")
        assert body == token.encode() * 50, response
        with self._lock:
            self.versions[int(version)] += 1
            self.kinds[kind] += 1
        return response
