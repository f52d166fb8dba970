"""The engine of both superdaemons: keeps one generation serving on sockets that never close, and replaces it.

    STARTING --ready--> PROVING --lived long enough--> SERVING --its successor serves--> ENDING
       |                   |                              |
       +-------------------+------------------------------+-- died: the policy says when the next one starts

One loop: read messages, act on signals in the order of their table, then on deadlines, then wait. What
differs between `rhebok` (supervisor.py) and `rhebok-starter` (starter/policy.py) is their Policy: how a
generation proves itself, what it is told, and what happens when it fails.
"""

import select
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from signal import Signals

from rhebok.errors import ExitStatus
from rhebok.process.log_level import Leveled
from rhebok.process.reaping import STATUS_UNKNOWN, describe_end, milliseconds, reap
from rhebok.process.signals import STOP_SIGNAL, Action, NotedSignals, Row
from rhebok.records import Protocol
from rhebok.superdaemon.generations import NEVER, Generation, Generations, Phase
from rhebok.superdaemon.program import Program


class Policy(Protocol):
    """What the engine asks for, always from its loop. Moments are of time.monotonic(). Where a method has a
    body here, a policy may leave it out."""

    deploy_ends_pause: bool  # whether a deploy starts at once although an attempt is due only later
    while_proving: str  # when a generation died that had not proved itself, for the log

    def attach(self, engine: "Engine") -> None:
        """Called once, first."""

    def environ(self, number: int) -> Mapping[str, str]:
        """Of the generation that is about to start."""

    def trial(self, now: float) -> tuple[Phase, float]:
        """The phase in which a generation starts, and the deadline of that phase."""

    def deploying(self, number: int) -> None:
        """A generation with that number is about to start, to replace the current one."""
        return

    def promoted(self, generation: Generation, old: Generation | None) -> None:
        """It serves from now on, in place of the old one, which has not been told to stop yet."""

    def overdue(self, generation: Generation, now: float) -> None:
        """Its deadline has passed in a phase other than PROVING. The policy sets another, or NEVER."""

    def failed(self, what: str, status: int, explained: bool) -> None:
        """A start has failed, as `what` says; explained: a process that failed by itself has said why.

        The policy reports it, and sets engine.start_at when there is to be another attempt.
        """

    def died(self, generation: Generation, status: int) -> None:
        """The current generation died, and the death is reported."""

    def killed(self, pid: int, code: int) -> None:
        """A generation, in any phase, was ended by a signal; code: its negative number. Called first."""
        return

    def ended(self, generation: Generation) -> None:
        """A generation that has served is gone."""
        return

    def act(self, row: Row) -> None:
        """A signal that the engine does not act upon itself."""

    def read_messages(self) -> None:
        """Takes what generations have reported; called before deaths are looked at."""
        return

    def advance(self, now: float) -> None:
        """Does what is due by next_at()."""

    def next_at(self) -> float:
        """When to call advance() although nothing happens."""

    def descriptors(self) -> Iterable[int]:
        """What wakes the loop when it is readable, besides signals."""
        return ()


class Log(Protocol):
    """logging.Logger, as far as it is used here."""

    def debug(self, text: str, /, *arguments: object) -> None: ...
    def info(self, text: str, /, *arguments: object) -> None: ...
    def warning(self, text: str, /, *arguments: object) -> None: ...
    def error(self, text: str, /, *arguments: object) -> None: ...


class LeveledLog(Log, Leveled, Protocol):
    """The same, of which the level can be changed."""


class Engine:
    """One superdaemon. `start_at` and `generations` are for its policy too."""

    def __init__(self, program: Program, policy: Policy, signals: NotedSignals, log: Log) -> None:
        self.generations = Generations()
        self.count = 0  # starts that were tried: the number of the latest generation
        self.start_at = NEVER  # of the next attempt, when one is to be made without a deploy
        self.started_at = 0.0
        self.stopping = False
        self.takes_deploys = True  # not so from the moment it is told to stop
        self._deploy_wanted = False
        self._program = program
        self._policy = policy
        self._signals = signals
        self._log = log
        self._actions: dict[Action, Callable[[Row], None]] = {
            Action.REAP: lambda _row: self._reap(),
            Action.DEPLOY: lambda _row: self.want_deploy(),
        }

    def run(self) -> None:
        """Until finish() was called, and the last generation is gone."""
        self._mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, self._signals.signals)
        self._policy.attach(self)
        try:
            self._start()
            self._loop()
        finally:
            for generation in self.generations.values():  # only when the loop itself raised
                generation.send(STOP_SIGNAL)
            # All that is left is to remove our files, which a second TERM must not interrupt.
            signal.pthread_sigmask(signal.SIG_BLOCK, self._signals.signals)

    def _loop(self) -> None:
        while not self._finished():
            self._policy.read_messages()  # first: a generation that has died since may have been ready
            for row in self._signals.pop_pending():
                self._actions.get(row.action, self._policy.act)(row)
            now = time.monotonic()
            for generation in list(self.generations.values()):
                if now >= generation.deadline:
                    self._overdue(generation, now)
            self._start_what_is_due(now)
            self._policy.advance(now)
            if not self._signals.pending and not self._finished():
                self._wait()

    def _finished(self) -> bool:
        return self.stopping and not self.generations

    def _wait(self) -> None:
        poll = select.poll()
        for descriptor in (self._signals.pipe.read_end, *self._policy.descriptors()):
            poll.register(descriptor, select.POLLIN)
        moments = [generation.deadline for generation in self.generations.values()]
        moments += [self.start_at, self._policy.next_at()]
        poll.poll(milliseconds(min(moments) - time.monotonic()))
        self._signals.pipe.drain()

    # Starting

    def want_deploy(self) -> None:
        """Once no generation is being started: requests that come meanwhile are one."""
        if not self.takes_deploys:
            return
        if self.generations.candidate:
            self._log.info("another deploy follows the one that is under way")
        self._deploy_wanted = True

    def _start_what_is_due(self, now: float) -> None:
        if self.stopping:
            return
        pausing = now < self.start_at < NEVER and not self._policy.deploy_ends_pause
        if self._deploy_wanted and not self.generations.candidate and not pausing:
            self._log.info("deploying generation %d", self.count + 1)
            self._policy.deploying(self.count + 1)
            self._start()
        if now >= self.start_at:
            self._start()

    def _start(self) -> None:
        self.count += 1
        self._deploy_wanted, self.start_at, self.started_at = False, NEVER, time.monotonic()
        environ = self._policy.environ(self.count)
        try:
            pid = self._program.start(environ, self._signals.signals, self._mask)
        except OSError as error:
            what = f"generation {self.count} cannot be forked: {error}"
            self._policy.failed(what, ExitStatus.FAILED, explained=False)
            return
        phase, deadline = self._policy.trial(self.started_at)
        self.generations[pid] = Generation(self.count, pid, phase, deadline)
        self._log.debug("%s started", self.generations[pid])

    def promote(self, generation: Generation) -> None:
        """It becomes the current one; only now the policy tells the old one to stop."""
        old = self.generations.current
        if old:
            old.phase = Phase.ENDING
        generation.phase, generation.deadline = Phase.SERVING, NEVER
        generation.served_since = time.monotonic()
        self._log.info("%s serves", generation)
        self._policy.promoted(generation, old)

    def _overdue(self, generation: Generation, now: float) -> None:
        if generation.phase is Phase.PROVING:
            self.promote(generation)
        else:
            self._policy.overdue(generation, now)

    # Deaths

    def _reap(self) -> None:
        self._policy.read_messages()
        try:
            for pid, code in reap():
                generation = self.generations.pop(pid, None)
                if generation:  # otherwise an orphan, given to us as PID 1, or the log's command
                    self._ended(generation, code)
        except ChildProcessError:
            while self.generations:  # another wait(2) in this process was faster
                self._ended(self.generations.popitem()[1], STATUS_UNKNOWN)

    def _ended(self, generation: Generation, code: int) -> None:
        end = describe_end(code)
        if code < 0:
            self._policy.killed(generation.pid, code)
        if self.stopping or generation.phase is Phase.ENDING:
            report = self._log.warning if code else self._log.info
            report("%s %s", generation, end)
        elif generation.phase is Phase.SERVING:
            unasked = "" if generation.hangs else ", which nobody asked for"
            self._log.error("%s %s%s", generation, end, unasked)
            self._policy.died(generation, _exit_status(code))
        else:
            when = "before it was ready" if generation.phase is Phase.STARTING else self._policy.while_proving
            self._policy.failed(f"{generation} {end} {when}", _exit_status(code), explained=code > 0)
        if generation.has_served:
            self._policy.ended(generation)

    # Stopping

    def refuse_deploys(self) -> None:
        self.takes_deploys, self._deploy_wanted = False, False

    def tell(self, generation: Generation, number: Signals, deadline: float) -> None:
        """Tells it to stop by the deadline, which is the policy's to enforce."""
        generation.phase, generation.deadline = Phase.ENDING, deadline
        self._log.info("%s is told to stop", generation)
        generation.send(number)

    def finish(self) -> None:
        """No generation is started any more; the policy has told all to stop."""
        self.refuse_deploys()
        self.stopping, self.start_at = True, NEVER


def _exit_status(code: int) -> int:
    """What the command ends with when a generation's end is the reason; a signal as a shell says it."""
    return 128 - code if code < 0 else code or 1
