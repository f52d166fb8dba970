"""What the prefork engine is told: numbers and times. Made by master."""

from os import getpid

from rhebok.prefork.spawn_pace import MAX_START_FAILURES
from rhebok.records import dataclass


@dataclass(frozen=True)
class Options:
    """Numbers of children, and times in seconds."""

    max_workers: int
    spawn_interval: float = 0.0  # between two forks; at a gradual stop, between two children
    err_respawn_interval: float = 1.0  # without a fork after a failure
    graceful_timeout: float = 30.0  # from TERM to KILL
    max_start_failures: int = MAX_START_FAILURES
    most_workers: int = 4096  # by signal
    reaps_orphans: bool = getpid() == 1
