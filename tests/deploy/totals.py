"""What the long runs counted, printed as a table at their end. conftest.py hands it out and prints it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Total:
    form: str
    how_often: str
    answers: str
    failed: int = 0


class Totals:
    def __init__(self) -> None:
        self._rows: list[Total] = []

    def add(self, form: str, how_often: str, answers: str, failed: int = 0) -> None:
        self._rows.append(Total(form, how_often, answers, failed))

    def lines(self) -> list[str]:
        """A Markdown table; nothing when nothing was counted."""
        if not self._rows:
            return []
        head = ["| form | how often | answers | failed |", "|---|---|---|---|"]
        rows = [f"| {row.form} | {row.how_often} | {row.answers} | {row.failed} |" for row in self._rows]
        return head + rows
