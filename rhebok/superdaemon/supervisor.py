"""The supervisor: keeps one generation serving on sockets that never close, and deploys the next.

Run by launch. It never loads the application, so nothing of a broken one reaches it. A generation's way:

    STARTING --READY=1--> PROVING --lived for --kill-old-delay--> SERVING --a successor serves--> ENDING
       |                     |                                       |
       +---- died, or not ready in time: reported, the old one stays +-- died: the next is started at once
"""

import logging
import select
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from signal import Signals

from rhebok.errors import EndedWith, ExitStatus
from rhebok.listening.listeners import Listener, close_all
from rhebok.prefork import children
from rhebok.prefork.children import describe_end
from rhebok.process.signals import (
    QUIT_SIGNAL,
    STOP_SIGNAL,
    SUPERVISOR_SIGNALS,
    TRACEBACK_SIGNAL,
    Action,
    NotedSignals,
)
from rhebok.settings.table import Settings
from rhebok.superdaemon.generation import Generation, Launcher, Phase
from rhebok.superdaemon.notify import Notifier, NotifySocket, workers_take

QUICK_SECONDS = 4.0  # what a generation gets after QUIT; its workers get 2
MARGIN = 5.0  # beyond --graceful-timeout, which the generation itself keeps
LAST_WORDS = 1.0  # for the traceback of a generation that did not get ready
MAX_FAILURES = 10  # generations in a row that could not replace one that died
LONGEST_PAUSE = 30.0
STABLE = 5.0  # a generation that dies sooner counts as one that failed to start

NEVER = float("inf")
RETIRE_SIGNAL = Signals.SIGUSR1
UNDER_WAY = (Phase.STARTING, Phase.PROVING)


class State(Enum):
    RUNNING = auto()
    DELAYING = auto()  # told to stop, but still accepting: --pre-stop-delay
    AWAITING = auto()  # told to stop, but who shall serve the queues is still loading
    STOPPING = auto()


class Supervisor:
    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[Listener],
        log: logging.Logger,
        notifier: Notifier,
        watchdog: float | None = None,
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._log = log
        self._notifier = notifier
        self._watchdog = watchdog
        self._watchdog_at = 0.0
        self._generations: dict[int, Generation] = {}
        self._count = 0
        self._state = State.RUNNING
        self._stop_at = NEVER  # the end of --pre-stop-delay, or of waiting for a generation that loads
        self._wanted: bool | None = None  # a deploy was asked for; true: a gradual one
        self._reloading = False
        self._served = False  # some generation got ready
        self._failures = 0
        self._start_at = NEVER  # of the next attempt, when none serves
        self._status = 0
        self._actions: dict[Action, Callable[[Signals], None]] = {
            Action.REAP: lambda _number: self._reap(),
            Action.QUIT: lambda _number: self._quit(),
            Action.STOP: lambda _number: self._stop(),
            Action.DEPLOY: lambda _number: self._want_deploy(False),
            Action.DEPLOY_GRADUALLY: lambda _number: self._want_deploy(True),
            Action.PASS_ON: self._pass_on,
            Action.NONE: lambda number: self._log.info("%s does nothing here", number.name),
        }

    def run(self, arguments: Sequence[str], directory: str) -> None:
        """Until told to stop, and the last generation is gone. EndedWith when none gets ready."""
        self._signals = NotedSignals(SUPERVISOR_SIGNALS)
        self._inbox = NotifySocket()
        self._launcher = Launcher(
            arguments, directory, self._listeners, self._inbox.address, self._signals.signals
        )
        try:
            self._start(gradual=False)
            self._loop()
        finally:
            for generation in self._generations.values():  # only when the loop itself raised
                generation.send(STOP_SIGNAL)
            self._signals.restore()
            self._inbox.close()
        if self._status:
            raise EndedWith(self._status)

    def _loop(self) -> None:
        while not self._finished():
            self._read_inbox()  # first: who has died since may have been ready
            for row in self._signals.take():
                self._actions[row.action](row.signal)
            now = time.monotonic()
            for generation in list(self._generations.values()):
                if now >= generation.deadline:
                    self._overdue(generation, now)
            self._advance(now)
            if not self._signals.pending and not self._finished():
                self._wait()

    def _finished(self) -> bool:
        return self._state is State.STOPPING and not self._generations

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._signals.pipe.read_end, select.POLLIN)
        poll.register(self._inbox.fileno(), select.POLLIN)
        moments = [generation.deadline for generation in self._generations.values()]
        moments += [self._stop_at, self._start_at]
        if self._watchdog and self._current():
            moments.append(self._watchdog_at)
        poll.poll(children.milliseconds(min(moments) - time.monotonic()))
        self._signals.pipe.drain()

    def _advance(self, now: float) -> None:
        """Does what is due, apart from the generations' deadlines."""
        if self._state is State.RUNNING and self._wanted is not None and not self._under_way():
            gradual, self._wanted = self._wanted, None
            self._deploy(gradual)
        if now >= self._start_at and self._state is not State.STOPPING:
            self._start(gradual=False)
        if now >= self._stop_at or (self._state is State.AWAITING and not self._awaits_successor()):
            self._stop_for_good()
        if self._watchdog and now >= self._watchdog_at and self._current():
            self._watchdog_at = now + self._watchdog
            self._notifier.alive()

    # Generations

    def _in(self, *phases: Phase) -> Generation | None:
        return next((each for each in self._generations.values() if each.phase in phases), None)

    def _current(self) -> Generation | None:
        return self._in(Phase.SERVING)

    def _under_way(self) -> Generation | None:
        return self._in(*UNDER_WAY)

    def _awaits_successor(self) -> bool:
        """One loads, or is about to, because its predecessor died: clients of that one wait in the queues."""
        if self._current() or not self._served:
            return False
        candidate = self._in(Phase.STARTING)
        return self._start_at <= time.monotonic() or (candidate is not None and not candidate.late)

    def _deploy(self, gradual: bool) -> None:
        self._log.info("deploying generation %d", self._count + 1)
        self._reloading = True
        self._notifier.reloading(f"deploying generation {self._count + 1}")
        self._start(gradual)

    def _start(self, gradual: bool) -> None:
        self._count += 1
        self._start_at = NEVER
        try:
            pid = self._launcher.start(self._count)
        except OSError as error:
            self._not_forked(error)
            return
        deadline = time.monotonic() + self._start_patience()
        self._generations[pid] = Generation(self._count, pid, Phase.STARTING, deadline, gradual)
        self._log.debug("generation %d started, pid %d", self._count, pid)

    def _not_forked(self, error: OSError) -> None:
        current, stays = self._current(), ""
        if current:
            stays = f"; {current} goes on serving (HUP tries again)"
            self._reloading = False
            self._notifier.ready(f"generation {self._count} failed, generation {current.number} serves")
        self._log.error("generation %d cannot be forked: %s%s", self._count, error, stays)
        self._failed(ExitStatus.FAILED)

    def _start_patience(self) -> float:
        settings = self._settings
        if settings.start_timeout == 0:
            return NEVER
        return settings.start_timeout + self._workers_take()

    def _workers_take(self) -> float:
        """To start or to retire one after the other, if there are as many as we would have."""
        return self._settings.workers * self._settings.spawn_interval

    def _read_inbox(self) -> None:
        for pid, said in self._inbox.messages():
            generation = self._generations.get(pid)
            if generation is None:
                continue
            self._grant(generation, workers_take(said))
            if generation.phase is Phase.STARTING and said.get("READY") == "1":
                self._got_ready(generation)

    def _grant(self, generation: Generation, seconds: float) -> None:
        """It has more workers than we would have: by its configuration, which is newer, or by TTIN."""
        more = seconds - self._workers_take()
        starting = generation.phase is Phase.STARTING and not generation.late
        if more > 0 and (starting or generation.retiring):
            generation.deadline += more

    def _got_ready(self, generation: Generation) -> None:
        if generation.late:
            return
        self._served = True
        if self._current() is None:
            self._promote(generation)
            return
        generation.phase = Phase.PROVING
        generation.deadline = time.monotonic() + self._settings.kill_old_delay
        self._log.info("%s is ready", generation)

    def _promote(self, generation: Generation) -> None:
        """Only now the old one is told to stop."""
        old = self._current()
        generation.phase, generation.deadline = Phase.SERVING, NEVER
        generation.served_since = time.monotonic()
        self._log.info("%s serves", generation)
        if old:
            self._failures = 0
            self._end(old, RETIRE_SIGNAL if generation.gradual else STOP_SIGNAL)
        self._reloading = False
        self._notifier.ready(f"generation {generation.number} serves")

    def _end(self, generation: Generation, number: Signals) -> None:
        patience = self._settings.graceful_timeout + MARGIN
        generation.retiring = number is RETIRE_SIGNAL
        if generation.retiring:
            patience += self._workers_take()
        if number is QUIT_SIGNAL:
            patience = QUICK_SECONDS
            if generation.phase is Phase.STARTING:  # where it has no handlers yet QUIT would dump core
                generation.send(STOP_SIGNAL)
        generation.deadline = min(
            time.monotonic() + patience, generation.deadline if generation.phase is Phase.ENDING else NEVER
        )
        generation.phase = Phase.ENDING
        self._log.info("%s is told to stop", generation)
        generation.send(number)

    def _overdue(self, generation: Generation, now: float) -> None:
        if generation.phase is Phase.PROVING:
            self._promote(generation)
        elif generation.phase is Phase.STARTING and not generation.late:
            generation.late, generation.deadline = True, now + LAST_WORDS
            limit = self._settings.start_timeout
            self._log.error("%s was not ready within %g s (--start-timeout)", generation, limit)
            generation.send(TRACEBACK_SIGNAL)
        else:
            generation.deadline = NEVER
            self._log.error("%s did not end in time: killed", generation)
            generation.send(Signals.SIGKILL)

    # Deaths

    def _reap(self) -> None:
        self._read_inbox()
        try:
            for pid, code in children.reap():
                generation = self._generations.pop(pid, None)
                if generation:  # otherwise an orphan, given to us as PID 1
                    self._ended(generation, code)
        except ChildProcessError:
            while self._generations:  # somebody else's wait was faster
                self._ended(self._generations.popitem()[1], children.STATUS_UNKNOWN)

    def _ended(self, generation: Generation, code: int) -> None:
        if generation.phase is Phase.ENDING or self._state is State.STOPPING:
            self._log.log(logging.WARNING if code else logging.INFO, "%s %s", generation, describe_end(code))
        elif generation.phase is Phase.SERVING:
            self._log.error("%s %s, which nobody asked for", generation, describe_end(code))
            self._replace_dead(generation, code)
        else:
            self._candidate_died(generation, code)

    def _replace_dead(self, generation: Generation, code: int) -> None:
        candidate = self._under_way()
        if time.monotonic() - generation.served_since >= STABLE:
            self._failures = 0
        if candidate is None:
            self._failed(_exit_status(code))
        elif candidate.phase is Phase.PROVING:
            self._promote(candidate)

    def _candidate_died(self, generation: Generation, code: int) -> None:
        when = "before it was ready" if generation.phase is Phase.STARTING else "right after it was ready"
        current = self._current()
        if current:
            text = "%s %s %s; %s goes on serving (HUP tries again)"
            self._log.error(text, generation, describe_end(code), when, current)
            self._reloading = False
            self._notifier.ready(f"generation {generation.number} failed, generation {current.number} serves")
            return
        if self._served or code <= 0:  # otherwise the first one of all has said why it fails
            self._log.error("%s %s %s", generation, describe_end(code), when)
        self._failed(_exit_status(code))

    def _failed(self, status: int) -> None:
        """No generation serves: the next starts, later from time to time. The first of all has no next."""
        if self._current() or self._state is State.AWAITING:
            return
        self._failures += 1
        if not self._served or self._failures >= MAX_FAILURES:
            self._status = status
            self._stop_for_good()
            return
        pause = min(LONGEST_PAUSE, 2.0 ** (self._failures - 1) - 1)
        self._start_at = time.monotonic() + pause
        if pause:
            self._log.info("starting again in %g s", pause)

    # Signals

    def _want_deploy(self, gradual: bool) -> None:
        if self._state is not State.RUNNING:
            return
        if self._under_way():
            self._log.info("another deploy follows the one that is under way")
        self._wanted = gradual

    def _stop(self) -> None:
        if self._state is not State.RUNNING:
            return
        delay = self._settings.pre_stop_delay
        self._notifier.stopping("stopping")
        if delay == 0:
            self._stop_for_good()
            return
        self._state, self._stop_at = State.DELAYING, time.monotonic() + delay
        self._log.info("stopping in %g s (--pre-stop-delay)", delay)

    def _stop_for_good(self) -> None:
        """The queues are served by the generation, which closes the last copy of the sockets."""
        if self._state in (State.RUNNING, State.DELAYING) and self._awaits_successor():
            self._await_successor()
        elif self._state is not State.STOPPING:
            self._finish(STOP_SIGNAL)

    def _await_successor(self) -> None:
        """Telling it now would kill it, and reset whoever waits in the queues."""
        self._state, self._stop_at = State.AWAITING, time.monotonic() + self._settings.graceful_timeout
        self._refuse_newcomers()
        self._log.info("stopping when the next generation has served the queues")

    def _quit(self) -> None:
        if self._state is not State.STOPPING:
            self._notifier.stopping("stopping at once")
        self._finish(QUIT_SIGNAL)

    def _finish(self, number: Signals) -> None:
        self._state, self._stop_at, self._start_at = State.STOPPING, NEVER, NEVER
        self._refuse_newcomers()
        for generation in self._generations.values():
            self._end(generation, number)
        close_all(self._listeners)

    def _refuse_newcomers(self) -> None:
        for listener in self._listeners:
            listener.refuse_newcomers()

    def _pass_on(self, number: Signals) -> None:
        current = self._current()
        if current:
            current.send(number)


def _exit_status(code: int) -> int:
    """What the command ends with when a generation's end is the reason; a signal as a shell says it."""
    return code if code > 0 else 128 - code if code < 0 else ExitStatus.FAILED
