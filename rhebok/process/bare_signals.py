"""signal() and pthread_sigmask() as C has them, for what runs around a fork.

Those of the module signal convert numbers to enums and back, in Python. What a worker executes of Python it
pays with memory: each function that it is the first to call since the fork writes to some seven pages, the
counts of references, and so gets its own copies of them (bench/README.md, Memory).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
from collections.abc import Callable, Iterable
from types import FrameType

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    Handler = Callable[[int, FrameType | None], object] | int

    def change_mask(how: int, mask: Iterable[int], /) -> set[int]:
        """Returns the mask before."""

    def set_handler(number: int, handler: Handler, /) -> object:
        """handler: a function, DEFAULT or IGNORE."""

else:
    change_mask, set_handler = _signal.pthread_sigmask, _signal.signal

DEFAULT: int = _signal.SIG_DFL
IGNORE: int = _signal.SIG_IGN
