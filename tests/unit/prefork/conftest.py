"""A process with an engine of children, and what happened in it: the fixture `engine`."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from signal import Signals

import pytest

from unit.conditions import DEADLINE_SECONDS, until
from unit.server_process import environment

DRIVER = Path(__file__).with_name("engine_driver.py")


class Engine:
    """The driver's process and its events."""

    def __init__(self, directory: Path) -> None:
        self._events = directory / "events"
        self._behaviour = directory / "behaviour"
        self._log = directory / "log"
        self._events.touch()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, behaviour: str = "serve", **options: object) -> None:
        self.behave(behaviour)
        arguments = [sys.executable, DRIVER, self._events, self._behaviour, json.dumps(options)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(arguments, env=environment(), stderr=log)

    def behave(self, behaviour: str) -> None:
        """What children forked from now on do."""
        fresh = self._behaviour.with_suffix(".new")
        fresh.write_text(behaviour)
        fresh.rename(self._behaviour)

    @property
    def events(self) -> list[list[str]]:
        return [line.split() for line in self._events.read_text().splitlines()]

    @property
    def log(self) -> str:
        return self._log.read_text()

    def happened(self, *start: str) -> list[list[str]]:
        return [event for event in self.events if event[: len(start)] == list(start)]

    def wait_for(self, *start: str, count: int = 1) -> list[list[str]]:
        return until(
            lambda: len(found := self.happened(*start)) >= count and found,
            lambda: f"{count} x {start} in {self.events}\n{self.log}",
        )

    def wait_for_log(self, text: str) -> None:
        until(lambda: text in self.log, lambda: f"{text!r} in {self.log}")

    def send(self, number: Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process
        return self.process.wait(DEADLINE_SECONDS)

    def stop(self) -> int:
        self.send(Signals.SIGTERM)
        return self.wait()

    def ready_pids(self, count: int) -> list[int]:
        return [int(event[1]) for event in self.wait_for("ready", count=count)]

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.behave("fail")
            for event in self.happened("after"):
                if not self.happened("reap", event[1]):
                    with suppress(ProcessLookupError):  # reaped meanwhile
                        os.kill(int(event[1]), signal.SIGKILL)
            self.process.kill()
            self.process.wait()


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path)
    yield engine
    engine.end()
