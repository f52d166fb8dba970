"""The configuration in force, as it is handed on. config makes it; a process that has got it from another one
(rhebok.command) needs nothing else of this room.
"""

from collections.abc import Callable, Mapping

from rhebok.records import TYPE_CHECKING, dataclass, field

if TYPE_CHECKING:
    from typing import Any

    from rhebok.settings.table import Settings


@dataclass(frozen=True)
class Config:
    """The configuration in force."""

    settings: "Settings"
    sources: Mapping[str, str]  # by setting, the source of its value in words
    file: str | None = None  # the path of the file
    notes: tuple[str, ...] = ()  # for the log: what was accepted, and means something else here
    hooks: "Mapping[str, Callable[..., Any]]" = field(default_factory=dict)  # of the file, by name
    logging: "Mapping[str, Any] | None" = None  # for logging.config.dictConfig
    others: "Mapping[str, Any]" = field(
        default_factory=dict
    )  # of gunicorn, without effect: for hooks to read
