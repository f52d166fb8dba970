"""The policy of `rhebok`: a generation says that it is ready, then lives for --kill-old-delay, then serves.

Called by launch. The supervisor never loads the application, so a broken one does it no harm. Generations
report by the sd_notify protocol (notify.py); the supervisor itself reports to systemd by the same.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from signal import Signals

from rhebok.errors import EndedWith, ExitStatus
from rhebok.listening import activation
from rhebok.listening.listeners import STARTER_VARIABLE, Listener, close_all
from rhebok.prefork.parent_death import signal_when_parent_dies
from rhebok.process.signals import (
    QUIT_SIGNAL,
    RETIRE_SIGNAL,
    STOP_SIGNAL,
    SUPERVISOR_SIGNALS,
    TRACEBACK_SIGNAL,
    Action,
    NotedSignals,
    Row,
    ignore_for_good,
    signal_named,
)
from rhebok.process.stillness import limit
from rhebok.records import TYPE_CHECKING
from rhebok.superdaemon.desk import Desk
from rhebok.superdaemon.engine import Engine, LeveledLog, Policy
from rhebok.superdaemon.generations import NEVER, Generation, Phase
from rhebok.superdaemon.master_watch import MasterWatch
from rhebok.superdaemon.notify import (
    NOTIFY_VARIABLE,
    WATCHDOG_VARIABLES,
    Inbox,
    Systemd,
    living_workers,
    wants_deploy,
    workers_take,
)
from rhebok.superdaemon.origin import Origin
from rhebok.superdaemon.program import Program
from rhebok.superdaemon.supervised import (
    FILES_FD_VARIABLE,
    GENERATION_VARIABLE,
    KILLED_VARIABLE,
    NOTIFY_FD_VARIABLE,
    SUPERVISOR_VARIABLE,
)

if TYPE_CHECKING:
    from rhebok.reloading.reloader import Reloader
    from rhebok.settings.table import Settings

# What the service manager said to us alone.
NOT_INHERITED = (*WATCHDOG_VARIABLES, NOTIFY_VARIABLE, *activation.VARIABLES)

QUICK_SECONDS = 4.0  # what a generation gets after QUIT; its workers get 2
MARGIN = 5.0  # beyond --graceful-timeout, which the generation itself enforces
TRACEBACK_SECONDS = 1.0  # for a generation that did not get ready to write its traceback
MAX_FAILURES = 10  # generations in a row that could not replace one that died
LONGEST_PAUSE = 30.0
LOADS_LONG = 5.0  # a start that takes longer is given up when a change is saved
STABLE = 5.0  # a generation that dies sooner counts as one that failed to start


class State(Enum):
    RUNNING = auto()
    DELAYING = auto()  # told to stop, but still accepting: --pre-stop-delay
    AWAITING = auto()  # told to stop, but the generation that is to serve the queues is still loading
    STOPPING = auto()


class Supervisor(Policy):
    """See engine.Policy."""

    deploy_ends_pause = True
    while_proving = "right after it was ready"

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[Listener],
        log: LeveledLog,
        systemd: Systemd,
        reloader: Reloader | None = None,
        desk: Desk | None = None,
    ) -> None:
        """Run it once. The reloader says when to deploy without a signal."""
        self._settings = settings
        self._listeners = listeners
        self._log = log
        self._notifier = systemd.notifier
        self._watchdog = systemd.watchdog
        self._watchdog_at = 0.0
        self._inbox = Inbox()
        self._desk = desk or Desk(listeners, None, log)
        self._reloader = reloader
        self._masters = MasterWatch(limit(settings.timeout), log)
        self._state = State.RUNNING
        self._stop_at = NEVER  # the end of --pre-stop-delay, or of waiting for a generation that loads
        self._served = False  # some generation got ready
        self._failures = 0
        self._status = 0  # of the command
        self._killed: list[tuple[int, int]] = []  # pids of generations, and codes, for the next generation
        self._killed_passed_on = 0

    def run(self, origin: Origin) -> None:
        """Until told to stop, and the last generation is gone. EndedWith when none gets ready."""
        supervisor, signals = os.getpid(), NotedSignals(SUPERVISOR_SIGNALS)
        self._environ = {name: value for name, value in origin.environ.items() if name not in NOT_INHERITED}

        def pass_on() -> None:
            signal_when_parent_dies(STOP_SIGNAL, supervisor)
            for listener in self._listeners:
                listener.socket.set_inheritable(True)
            self._inbox.sender.set_inheritable(True)
            if self._reloader:
                os.set_inheritable(self._reloader.fd_to_pass_on, True)

        try:
            Engine(
                Program("rhebok", origin.command, origin.directory, pass_on), self, signals, self._log
            ).run()
        finally:
            signals.end()
            atexit.register(ignore_for_good)
            self._inbox.close()
            self._desk.close()
            if self._reloader:
                self._reloader.close()
        if self._status:
            raise EndedWith(self._status)

    def attach(self, engine: Engine) -> None:
        self._engine = engine
        self._desk.attach(engine)
        self._generations = engine.generations

    def environ(self, number: int) -> Mapping[str, str]:
        self._killed_passed_on = len(self._killed)
        files = {}
        if self._reloader:
            self._reloader.starting()
            files[FILES_FD_VARIABLE] = str(self._reloader.fd_to_pass_on)
        return {
            **self._environ,
            **files,
            KILLED_VARIABLE: ",".join(f"{pid}:{code}" for pid, code in self._killed),
            STARTER_VARIABLE: ";".join(listener.spec for listener in self._listeners),
            GENERATION_VARIABLE: str(number),
            NOTIFY_FD_VARIABLE: str(self._inbox.sender.fileno()),
            SUPERVISOR_VARIABLE: str(os.getpid()),
        }

    def killed(self, pid: int, code: int) -> None:
        self._killed.append((pid, code))

    def trial(self, now: float) -> tuple[Phase, float]:
        timeout = self._settings.start_timeout
        return Phase.STARTING, now + timeout + self._workers_take() if timeout else NEVER

    def deploying(self, number: int) -> None:
        self._notifier.reloading(f"deploying generation {number}")

    def promoted(self, generation: Generation, old: Generation | None) -> None:
        self._desk.promoted(old)
        del self._killed[: self._killed_passed_on]  # it has called the hook for them
        if old:
            self._failures = 0
            self._end(old, signal_named(self._settings.signal_on_hup))
            self._end_oldest()
        self._notifier.ready(f"generation {generation.number} serves")

    def overdue(self, generation: Generation, now: float) -> None:
        if generation.phase is Phase.STARTING and not generation.late:
            generation.late, generation.deadline = True, now + TRACEBACK_SECONDS
            limit = self._settings.start_timeout
            self._log.error("%s was not ready within %g s (--start-timeout)", generation, limit)
            generation.send(TRACEBACK_SIGNAL)
        else:
            generation.deadline = NEVER
            self._log.error("%s did not end in time: killed", generation)
            generation.send(Signals.SIGKILL)

    def failed(self, what: str, status: int, explained: bool) -> None:
        current = self._generations.current
        if self._reloader:
            self._reloader.failed()
        if current:
            self._desk.failed()
            again = "the next change" if self._reloader else "HUP"
            self._log.error("%s; %s goes on serving (%s tries again)", what, current, again)
            failed = self._engine.count
            self._notifier.ready(f"generation {failed} failed, generation {current.number} serves")
        elif self._served or not explained:
            self._log.error("%s", what)
        self._try_again(status)

    def died(self, generation: Generation, status: int) -> None:
        if time.monotonic() - generation.served_since >= STABLE:
            self._failures = 0
        candidate = self._generations.candidate
        if candidate is None:
            self._try_again(status)
        elif candidate.phase is Phase.PROVING:
            self._engine.promote(candidate)

    def act(self, row: Row) -> None:
        if row.action is Action.QUIT:
            self._quit()
        elif row.action is Action.STOP:
            self._stop()
        elif row.action is Action.PASS_ON:
            if current := self._generations.current:
                current.send(row.signal)
        elif row.action is Action.REOPEN:
            self._log.info("log files that were renamed are open again")  # by this line, if it is the first
        else:
            self._log.info(
                "%s does nothing here: HUP starts new code, and stops the old once it serves", row.signal.name
            )

    def read_messages(self) -> None:
        deploy = False
        for pid, said in self._inbox.messages():
            generation = self._generations.get(pid)
            self._desk.said(generation, said)
            if generation is None:
                continue
            deploy = deploy or wants_deploy(said)
            self._extend_deadline(generation, workers_take(said))
            if (workers := living_workers(said)) is not None:
                generation.signs, generation.workers = generation.signs + 1, workers
            if generation.phase is Phase.STARTING and said.get("READY") == "1" and not generation.late:
                self._got_ready(generation)
        if deploy:
            self._engine.want_deploy()

    def advance(self, now: float) -> None:
        self._desk.look()
        awaited = self._state is not State.AWAITING or self._awaits_successor()
        if now >= self._stop_at or not awaited:
            self._stop_for_good()
        current = self._generations.current
        if current and self._masters.look(current, now):
            self._engine.want_deploy()
        if self._reloader and (changed := self._reloader.look(now)):
            self._reload(changed, now)
        if self._watchdog and now >= self._watchdog_at and current and self._masters.serves(current):
            self._watchdog_at = now + self._watchdog
            self._notifier.alive()

    def next_at(self) -> float:
        now, current = time.monotonic(), self._generations.current
        stop_at = min(self._stop_at, self._desk.next_at())
        if self._reloader:
            stop_at = min(stop_at, self._reloader.next_at)
        if not current:
            return stop_at
        feeds = self._watchdog and self._masters.serves(current)
        return min(stop_at, self._masters.next_at(now), self._watchdog_at if feeds else NEVER)

    def descriptors(self) -> Iterable[int]:
        of_reloader = self._reloader.descriptors() if self._reloader else ()
        return (self._inbox.fileno(), *self._desk.descriptors(), *of_reloader)

    # Starting

    def _workers_take(self) -> float:
        """Seconds to start or to retire one worker after the other, if there are as many as we would have."""
        return self._settings.workers * self._settings.spawn_interval

    def _extend_deadline(self, generation: Generation, seconds: float) -> None:
        """It has more workers than we would have: by its configuration, which is newer, or by TTIN."""
        more = seconds - self._workers_take()
        starting = generation.phase is Phase.STARTING and not generation.late
        if more > 0 and (starting or generation.retiring):
            generation.deadline += more

    def _got_ready(self, generation: Generation) -> None:
        self._served = True
        if self._generations.current is None:
            self._engine.promote(generation)
            return
        generation.phase = Phase.PROVING
        # Whoever has saved a file is not to see the answers of two generations.
        delay = 0 if self._reloader else self._settings.kill_old_delay
        generation.deadline = time.monotonic() + delay
        self._log.info("%s is ready", generation)

    def _try_again(self, status: int) -> None:
        """When no generation serves the next one starts, after a pause that grows. The first has no next."""
        if self._generations.current or self._state is State.AWAITING:
            return
        self._failures += 1
        if not self._served or self._failures >= MAX_FAILURES:
            if self._reloader and status != ExitStatus.USAGE and self._state is State.RUNNING:
                self._log.error("no generation serves: clients wait until a change is saved (--reload)")
                return
            self._status = status
            self._stop_for_good()
            return
        pause = min(LONGEST_PAUSE, 2.0 ** (self._failures - 1) - 1)
        self._engine.start_at = time.monotonic() + pause
        if pause:
            self._log.info("starting again in %g s", pause)

    def _reload(self, changed: Sequence[str], now: float) -> None:
        if self._state is not State.RUNNING or self._reloader is None:
            return
        self._log.info("%s changed: reloading", self._reloader.changed_text(changed))
        self._failures = 0
        self._engine.want_deploy()
        candidate = self._generations.candidate
        if candidate and candidate.phase is Phase.STARTING and now >= self._engine.started_at + LOADS_LONG:
            candidate.send(STOP_SIGNAL)  # what it loads may hang, and the change may be the cure

    # Stopping

    def _end(self, generation: Generation, number: Signals) -> None:
        patience = self._settings.graceful_timeout + MARGIN
        generation.retiring, generation.graceful = number is RETIRE_SIGNAL, number is not QUIT_SIGNAL
        if generation.retiring:
            patience += self._workers_take()
        if number is QUIT_SIGNAL:
            patience = QUICK_SECONDS
            if generation.phase is Phase.STARTING:  # where it has no handlers yet QUIT would dump core
                generation.send(STOP_SIGNAL)
        before = generation.deadline if generation.phase is Phase.ENDING else NEVER
        self._engine.tell(generation, number, min(time.monotonic() + patience, before))

    def _end_oldest(self) -> None:
        """Bounds how many generations still finish their requests: deploys may come faster than they end."""
        limit = self._settings.max_old_generations
        graceful = [each for each in self._generations.values() if each.graceful]
        for generation in graceful[:-limit] if limit else []:
            self._log.warning(
                "%s is one too many that still ends (--max-old-generations %d)", generation, limit
            )
            self._end(generation, QUIT_SIGNAL)

    def _stop(self) -> None:
        if self._state is not State.RUNNING:
            return
        delay = self._settings.pre_stop_delay
        self._notifier.stopping("stopping")
        if delay == 0:
            self._stop_for_good()
            return
        self._engine.refuse_deploys()
        self._state, self._stop_at = State.DELAYING, time.monotonic() + delay
        self._log.info("stopping in %g s (--pre-stop-delay)", delay)

    def _stop_for_good(self) -> None:
        """The queues are served by the generation, which closes the last copy of the sockets."""
        if self._state in (State.RUNNING, State.DELAYING) and self._awaits_successor():
            self._await_successor()
        elif self._state is not State.STOPPING:
            self._finish(STOP_SIGNAL)

    def _awaits_successor(self) -> bool:
        """The current one died, and the next one loads or is about to start: clients wait in the queues."""
        if self._generations.current or not self._served:
            return False
        candidate = self._generations.candidate
        loads = candidate is not None and candidate.phase is Phase.STARTING and not candidate.late
        return loads or self._engine.start_at <= time.monotonic()

    def _await_successor(self) -> None:
        """To stop it before it is ready would kill it, and reset the clients that wait in the queues."""
        self._engine.refuse_deploys()
        self._state, self._stop_at = State.AWAITING, time.monotonic() + self._settings.graceful_timeout
        self._refuse_new_connections()
        self._log.info("stopping when the next generation has served the queues")

    def _quit(self) -> None:
        if self._state is not State.STOPPING:
            self._notifier.stopping("stopping at once")
        self._finish(QUIT_SIGNAL)

    def _finish(self, number: Signals) -> None:
        self._state, self._stop_at = State.STOPPING, NEVER
        self._engine.finish()
        self._refuse_new_connections()
        for generation in self._generations.values():
            self._end(generation, number)
        close_all(self._listeners)

    def _refuse_new_connections(self) -> None:
        for listener in self._listeners:
            listener.refuse_new_connections()
