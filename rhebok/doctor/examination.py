"""`rhebok doctor`: all checks, and how the result is shown. Called by cli."""

import json
from collections.abc import Sequence

from rhebok.doctor import limits, machine, program, running, trust
from rhebok.doctor.finding import Finding, as_data, as_lines
from rhebok.doctor.system import System
from rhebok.settings.configuration import Config


def examine(config: Config, arguments: Sequence[str], system: System) -> list[Finding]:
    """All findings. arguments: see program.check."""
    return [
        *program.check(config, arguments, system),
        *machine.check(config.settings, system),
        *limits.check(config.settings, system),
        *trust.check(config.settings, system),
        *running.check(config, system),
    ]


def shown(findings: Sequence[Finding], in_json: bool) -> str:
    return json.dumps(as_data(findings), indent=2) + "\n" if in_json else as_lines(findings)
