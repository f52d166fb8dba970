"""Types of the compiled module; lane.pyx has the documentation."""

from collections.abc import Mapping, Sequence
from typing import Any, final

from typing_extensions import Self

from rhebok.native.service import Service

@final
class Lane:
    def __new__(cls, service: Service, templates: Sequence[Mapping[str, Any]]) -> Self: ...
    def run_alone(self) -> None: ...
    def run_with_others(self) -> None: ...
    def interrupt(self, exception: type[BaseException]) -> None: ...
