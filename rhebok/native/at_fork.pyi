"""Types of the compiled module; at_fork.pyx has the documentation."""

from typing import final

@final
class AtFork:
    def in_parent(self) -> None: ...
    def in_child(self) -> None: ...
