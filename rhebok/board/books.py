"""The sums of all generations of a server: counters that never fall, whatever workers and generations do."""

from __future__ import annotations

from rhebok.board.counts import lasting
from rhebok.board.layout import CAUSES
from rhebok.board.reading import BoardReader, Reading


class Books:
    """Kept by the supervisor; under a foreign superdaemon by the master, of its own generation."""

    def __init__(self) -> None:
        self._readers: dict[int, BoardReader] = {}  # by the number of the generation
        self._past = 0  # counted by generations that are gone
        self._past_causes = dict.fromkeys(CAUSES, 0)
        self._purged = False  # since a generation has handed over its board

    def open(self, generation: int, fd: int) -> None:
        """The generation with that number has handed over its board. Takes the descriptor."""
        try:
            reader = BoardReader(fd)
        except ValueError:
            return
        if generation in self._readers:
            reader.close()
        else:
            self._readers[generation] = reader
            self._catch_up(reader)

    def close_others(self, alive: frozenset[int]) -> None:
        """Only these generations live: what the others have counted becomes a part of the past."""
        for number in self._readers.keys() - alive:
            reader = self._readers.pop(number)
            reading = reader.read()
            self._past += lasting(reading.counted)
            for cause, count in reading.causes.items():
                self._past_causes[cause] += count
            reader.close()

    def set_log_level(self, level: str) -> None:
        """Of the error logs of all generations, once their masters look."""
        for reader in self._readers.values():
            reader.set_log_level(level)

    def _catch_up(self, reader: BoardReader) -> None:
        """Its workers may have served before it handed over its board: they do not know the last purges."""
        if self._purged:
            reader.purge("all", "*")
        self._purged = False

    def purge(self, kind: str, text: str) -> bool:
        """In the caches of all generations. Whether there is any."""
        self._purged = True
        for reader in self._readers.values():
            reader.purge(kind, text)
        return bool(self._readers)

    def readings(self) -> dict[int, Reading]:
        """Of each generation, by its number."""
        return {number: reader.read() for number, reader in self._readers.items()}

    def counted(self, readings: dict[int, Reading]) -> int:
        """By all generations so far: a number of counts.add_up."""
        return self._past + sum(reading.counted for reading in readings.values())

    def counts(self) -> bool:
        """Whether any generation counts (--no-board). True before there is one."""
        return not self._readers or any(reader.counts for reader in self._readers.values())

    def cached(self, readings: dict[int, Reading]) -> tuple[int, int, int]:
        """Bytes and responses in the caches of all generations, and the bytes that these may take."""
        found = readings.values()
        return (
            sum(each.cache_bytes for each in found),
            sum(each.cache_records for each in found),
            sum(each.cache_size for each in found),
        )

    def causes(self, readings: dict[int, Reading]) -> dict[str, int]:
        """Why workers were replaced, and how often."""
        return {
            cause: past + sum(reading.causes.get(cause, 0) for reading in readings.values())
            for cause, past in self._past_causes.items()
        }
