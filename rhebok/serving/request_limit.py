"""How many requests one worker serves. Pure. Called by worker, with its own source of random numbers."""

from rhebok.records import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


def request_limit(most: int, least: int, jitter: int, random: "Random") -> int:
    """The number of requests after which a worker is replaced; 0 is never.

    It is `most`, or with 0 < `least` < `most` a number from `least` to `most`, each equally likely (the
    formula of Rhebok for Ruby); plus a number from 0 to `jitter`. With `most` 0 it is 0.
    """
    if most == 0:
        return 0
    limit = most
    if 0 < least < most:
        limit = most - int((most - least + 1) * random.random())
    return limit + random.randint(0, jitter)
