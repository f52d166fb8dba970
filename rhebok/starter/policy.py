"""The policy of `rhebok-starter`: a start has succeeded when the program lives for --interval.

cli.py hands it to the engine. A generation that fails is started again, for ever; the older ones serve on.
"""

import time
from collections.abc import Mapping
from signal import Signals

from rhebok.errors import UserError
from rhebok.process.signals import STOP_SIGNAL, Row
from rhebok.starter import status_file
from rhebok.starter.envdir import environment_at_start, with_envdir
from rhebok.starter.log import Reporter, report
from rhebok.starter.options import Options
from rhebok.starter.restart_settings import RestartSettings, restart_settings
from rhebok.starter.sockets import Listeners
from rhebok.superdaemon.engine import Engine, Policy
from rhebok.superdaemon.generations import NEVER, Generation, Phase

# Between two attempts when --interval is shorter: a program that cannot start must not keep a CPU busy.
MIN_PAUSE = 0.1


class Starter(Policy):
    """See engine.Policy."""

    deploy_ends_pause = False
    while_proving = "within --interval"

    def __init__(self, options: Options, environ: Mapping[str, str], listeners: Listeners) -> None:
        self._options = options
        self._listeners = listeners
        self._environ_at_start = environment_at_start(environ, options)
        self._settings = RestartSettings()  # of the latest generation
        self._log = Reporter()

    def attach(self, engine: Engine) -> None:
        self._engine = engine
        self._generations = engine.generations

    def environ(self, number: int) -> Mapping[str, str]:
        environ = with_envdir(self._environ_at_start, report)
        self._settings = restart_settings(environ, report)
        environ["SERVER_STARTER_PORT"] = self._listeners.variable()
        environ["SERVER_STARTER_GENERATION"] = str(number)
        return environ

    def trial(self, now: float) -> tuple[Phase, float]:
        return Phase.PROVING, now + self._options.interval

    def promoted(self, generation: Generation, old: Generation | None) -> None:
        """All older ones are told after --kill-old-delay, or earlier where that was decided earlier."""
        self._write_status()
        tell_at = time.monotonic() + self._settings.kill_old_delay
        for each in self._generations.established:
            if each is not generation:
                each.deadline = min(each.deadline, tell_at)

    def overdue(self, generation: Generation, now: float) -> None:
        self._engine.tell(generation, self._options.signal_on_hup, NEVER)

    def failed(self, what: str, status: int, explained: bool) -> None:
        self._log.error("%s; trying again", what)
        self._start_again()

    def died(self, generation: Generation, status: int) -> None:
        if self._generations.candidate is None and self._engine.start_at == NEVER:
            self._start_again()

    def ended(self, generation: Generation) -> None:
        self._write_status()

    def act(self, row: Row) -> None:
        """TERM and INT; INT is the terminal's way to say it, and has no flag of its own."""
        name = row.signal.name.removeprefix("SIG")
        if self._engine.stopping:
            waiting = ", ".join(map(str, self._generations))
            self._log.info("%s: stopping already, waiting for %s", name, waiting or "nothing")
            return
        number = self._options.signal_on_term if row.signal is Signals.SIGTERM else STOP_SIGNAL
        self._log.info("%s: stopping", name)
        self._engine.finish()
        for generation in self._generations.values():
            self._engine.tell(generation, number, NEVER)
        self._listeners.close_sockets()

    def advance(self, now: float) -> None:
        if now >= self._auto_restart_at():
            self._log.info("auto-restart")
            self._engine.want_deploy()

    def next_at(self) -> float:
        return self._auto_restart_at()

    def _auto_restart_at(self) -> float:
        """Once the interval is over if no old generation is left, otherwise after twice the interval."""
        current = self._generations.current
        busy = self._engine.stopping or self._engine.start_at < NEVER or self._generations.candidate
        if not self._settings.auto_restart or current is None or busy:
            return NEVER
        times = 2 if len(self._generations) > 1 else 1
        return current.served_since + times * self._settings.auto_restart_interval

    def _start_again(self) -> None:
        earliest = self._engine.started_at + max(self._options.interval, MIN_PAUSE)
        self._engine.start_at = max(time.monotonic(), earliest)

    def _write_status(self) -> None:
        """While nothing serves the file keeps its last lines, where --restart reads the generation."""
        serving = [(each.number, each.pid) for each in self._generations.established]
        if self._options.status_file is None or not serving:
            return
        try:
            status_file.write(self._options.status_file, serving)
        except UserError as error:
            self._log.error("%s; going on without it", error)
