"""Types of the compiled module; first_steps.pyx has the documentation."""

from collections.abc import Callable
from types import FrameType
from typing import final

from rhebok.process.exit_handlers import ParentsHandlers

@final
class FirstSteps:
    def __init__(
        self,
        handlers: tuple[tuple[int, Callable[[int, FrameType | None], object] | int], ...],
        closed: list[int],
        parents: ParentsHandlers,
        title: tuple[int, bytes],
        *,
        traceback_fd: int,
        log_fd: int,
        stop: int,
        traceback: int,
        master: int,
        life: float,
    ) -> None: ...
    def take(self, pipe: tuple[int, int]) -> int: ...
