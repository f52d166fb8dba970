"""What a check of the doctor has found, and how findings are shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # to be known; nothing has to change
    CHANGE = "change"  # the server would not start, lose connections, be slow or be unsafe


@dataclass(frozen=True)
class Finding:
    """One line. `check` names what was looked at, `says` what was found, `change` what to do about it."""

    check: str
    level: Level
    says: str
    change: str | None = None


def ok(check: str, says: str) -> Finding:
    return Finding(check, Level.OK, says)


def note(check: str, says: str, change: str | None = None) -> Finding:
    return Finding(check, Level.NOTE, says, change)


def to_change(check: str, says: str, change: str) -> Finding:
    return Finding(check, Level.CHANGE, says, change)


def is_healthy(findings: Sequence[Finding]) -> bool:
    return all(each.level is not Level.CHANGE for each in findings)


def as_lines(findings: Sequence[Finding]) -> str:
    """For people: what has to change comes last, where a terminal shows it."""
    order = (Level.OK, Level.NOTE, Level.CHANGE)
    lines = [
        line for each in sorted(findings, key=lambda one: order.index(one.level)) for line in _lines(each)
    ]
    count = sum(each.level is Level.CHANGE for each in findings)
    verdict = "nothing has to change" if count == 0 else f"to change: {count}"
    return "\n".join([*lines, verdict]) + "\n"


def _lines(finding: Finding) -> list[str]:
    first = f"{finding.level:<7} {finding.check}: {finding.says}"
    return [first, f"        -> {finding.change}"] if finding.change else [first]


def as_data(findings: Sequence[Finding]) -> dict[str, object]:
    """For programs (docs/DOCTOR.md)."""
    return {"healthy": is_healthy(findings), "findings": [asdict(each) for each in findings]}
