"""The superdaemon's one loop: wait for a signal or the next deadline, move to the next phase; cli.py runs it.

    PAUSING --start--> TESTING --lived for the interval--> SERVING --HUP, auto-restart, death--> start
       ^------ died within the interval ------'                       any phase --TERM, INT--> STOPPING

Nothing here sleeps elsewhere than in SignalPipe.wait(), so a signal is always seen at once, and none of them
moves a deadline: the test of a new generation lasts the whole interval whatever arrives meanwhile.
"""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum

from rhebok.starter import process, status_file
from rhebok.starter.envdir import environment_at_start, with_envdir
from rhebok.starter.errors import StarterError
from rhebok.starter.generations import Generation, Generations, Role
from rhebok.starter.log import report
from rhebok.starter.options import Options
from rhebok.starter.process import Program
from rhebok.starter.restart_settings import RestartSettings, restart_settings
from rhebok.starter.signals import SignalPipe, short_name
from rhebok.starter.sockets import Listeners

# Between two attempts when --interval is shorter: a program that cannot start must not keep a CPU busy.
MIN_PAUSE = 0.1


class Phase(Enum):
    """What the loop waits for."""

    PAUSING = "the time of the next attempt"
    TESTING = "the end of the interval in which the candidate must not die"
    SERVING = "a reason to restart"
    STOPPING = "the end of all generations"


_NEXT_AFTER = {
    Role.CANDIDATE: "it failed to start; trying again",
    Role.CURRENT: "unexpected; starting a new generation",
}


class Superdaemon:
    """Keeps one generation of the program serving, until TERM or INT."""

    def __init__(
        self, options: Options, environ: Mapping[str, str], listeners: Listeners, signals: SignalPipe
    ) -> None:
        self._options = options
        self._program = Program(options.command, options.dir, listeners)
        self._signals = signals
        self._environ_at_start = environment_at_start(environ, options)
        self._settings = RestartSettings()
        self._generations = Generations()
        self._phase = Phase.PAUSING
        self._phase_ends = time.monotonic()
        self._started_at = 0.0
        self._promoted_at = 0.0
        self._restart_wanted = False

    def run(self) -> None:
        """Returns when the superdaemon was told to stop and every generation has ended."""
        while self._phase is not Phase.STOPPING or self._generations.pids():
            for number in self._signals.wait(self._next_deadline()):
                self._take(number)
            for pid, status in process.reaped():
                self._buried(pid, status)
            self._advance(time.monotonic())
        self._forget_status()

    def _take(self, number: int) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stop(number)
        elif number == signal.SIGHUP and self._phase is not Phase.STOPPING:
            self._restart_wanted = True

    # Deadlines

    def _next_deadline(self) -> float | None:
        if self._phase is Phase.STOPPING:
            return None
        phase_ends = self._auto_restart_at() if self._phase is Phase.SERVING else self._phase_ends
        times = (phase_ends, self._generations.next_signal())
        return min((each for each in times if each is not None), default=None)

    def _auto_restart_at(self) -> float | None:
        """Once the interval is over if no old generation is left, otherwise after twice the interval."""
        if not self._settings.auto_restart:
            return None
        times = 2 if self._generations.old else 1
        return self._promoted_at + times * self._settings.auto_restart_interval

    def _advance(self, now: float) -> None:
        """Does what is due."""
        if self._phase is Phase.STOPPING:
            return
        if self._phase is Phase.TESTING and now >= self._phase_ends:
            self._promote(now)
        if self._phase is Phase.SERVING:
            self._restart_if_due(now)
        if self._phase is Phase.PAUSING and now >= self._phase_ends:
            self._start(now)
        self._signal_old(now)

    # Starting

    def _restart_if_due(self, now: float) -> None:
        if self._restart_wanted:
            report("HUP: starting a new generation")
        else:
            due = self._auto_restart_at()
            if due is None or now < due:
                return
            report("auto-restart: starting a new generation")
        self._generations.retire_current()
        self._pause_until(now)

    def _start(self, now: float) -> None:
        self._restart_wanted = False
        self._generations.attempts += 1
        environ = with_envdir(self._environ_at_start, report)
        self._settings = restart_settings(environ, report)
        environ["SERVER_STARTER_PORT"] = self._program.listeners.variable()
        environ["SERVER_STARTER_GENERATION"] = str(self._generations.attempts)
        self._started_at = now
        try:
            pid = process.start(self._program, environ, self._signals)
        except OSError as error:
            report(f"generation {self._generations.attempts}: cannot fork: {error}; trying again")
            self._pause_until(self._next_attempt(now))
            return
        self._generations.begin(pid)
        report(f"generation {self._generations.attempts}: started {self._program.command[0]}, pid {pid}")
        self._phase, self._phase_ends = Phase.TESTING, now + self._options.interval

    def _promote(self, now: float) -> None:
        generation = self._generations.promote()
        self._phase, self._promoted_at = Phase.SERVING, now
        self._write_status()
        delay = self._settings.kill_old_delay
        self._generations.schedule_signals(now + delay)
        old = [each.pid for each in self._generations.old]
        then = f"; {_listed(old)} to end in {delay:g} s" if old and delay else ""
        report(f"generation {generation.number}: running{then}")

    def _pause_until(self, when: float) -> None:
        self._phase, self._phase_ends = Phase.PAUSING, when

    def _next_attempt(self, now: float) -> float:
        return max(now, self._started_at + max(self._options.interval, MIN_PAUSE))

    # Deaths

    def _buried(self, pid: int, status: int) -> None:
        role, generation = self._generations.remove(pid)
        if generation is None:
            return
        what = f"generation {generation.number}: pid {pid} ended, {process.in_words(status)}"
        if self._phase is Phase.STOPPING or role is Role.OLD:
            report(what)
        else:
            report(f"{what}: {_NEXT_AFTER[role]}")
            self._pause_until(self._next_attempt(time.monotonic()))
        if role is not Role.CANDIDATE:
            self._write_status()

    # Stopping and signalling

    def _stop(self, number: int) -> None:
        name = short_name(number)
        if self._phase is Phase.STOPPING:
            report(f"{name}: stopping already, waiting for {_listed(self._generations.pids())}")
            return
        self._phase = Phase.STOPPING
        # INT is the terminal's way to say it and has no flag of its own.
        passed_on = self._options.signal_on_term if number == signal.SIGTERM else signal.SIGTERM
        pids = self._generations.pids()
        report(f"{name}: stopping, {short_name(passed_on)} to {_listed(pids)}")
        _send(passed_on, pids)
        self._program.listeners.let_go()

    def _signal_old(self, now: float) -> None:
        due: list[Generation] = self._generations.due(now)
        if due:
            pids = [each.pid for each in due]
            report(f"{short_name(self._options.signal_on_hup)} to the old generations: {_listed(pids)}")
            _send(self._options.signal_on_hup, pids)

    # The status file

    def _write_status(self) -> None:
        """While nothing serves the file keeps its last lines, where --restart reads the generation."""
        serving = self._generations.serving()
        if self._options.status_file is None or not serving:
            return
        try:
            status_file.write(self._options.status_file, serving)
        except StarterError as error:
            report(f"{error}; going on without it")

    def _forget_status(self) -> None:
        if self._options.status_file is not None:
            status_file.remove(self._options.status_file)


def _send(number: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        # Not reaped yet, so the pid is still that of our child.
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _listed(pids: Sequence[int]) -> str:
    return ", ".join(map(str, pids)) or "nobody"
