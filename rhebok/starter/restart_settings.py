"""The superdaemon's own settings that live in the environment, where an envdir can change them while it runs.

policy.py reads them from the environment of each generation it starts.
"""

from collections.abc import Callable, Mapping

from rhebok.records import dataclass

DEFAULT_AUTO_RESTART_INTERVAL = 360.0
DEFAULT_KILL_OLD_DELAY = 0.0
AUTO_RESTART_KILL_OLD_DELAY = 5.0

Report = Callable[[str], None]


@dataclass(frozen=True)
class RestartSettings:
    """What the environment of the latest generation says about restarts."""

    auto_restart: bool = False
    auto_restart_interval: float = DEFAULT_AUTO_RESTART_INTERVAL
    kill_old_delay: float = DEFAULT_KILL_OLD_DELAY


def restart_settings(environ: Mapping[str, str], report: Report) -> RestartSettings:
    """The settings in an environment; a value that is no number is reported and its default taken."""
    auto = environ.get("ENABLE_AUTO_RESTART", "") not in ("", "0")
    delay = AUTO_RESTART_KILL_OLD_DELAY if auto else DEFAULT_KILL_OLD_DELAY
    return RestartSettings(
        auto,
        _seconds(environ, "AUTO_RESTART_INTERVAL", DEFAULT_AUTO_RESTART_INTERVAL, report),
        _seconds(environ, "KILL_OLD_DELAY", delay, report),
    )


def _seconds(environ: Mapping[str, str], name: str, default: float, report: Report) -> float:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if 0 <= value < 1e9:
        return value
    report(f"{name}={text!r} is not a number of seconds; {default:g} is taken instead")
    return default
