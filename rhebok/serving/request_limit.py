"""How many requests one worker serves. Pure; called by worker with randomness of its own."""

from random import Random


def request_limit(most: int, least: int, jitter: int, random: Random) -> int:
    """0 is for ever. With `least` below `most`: Rhebok's formula, uniform between them; plus jitter."""
    if most == 0:
        return 0
    limit = most
    if 0 < least < most:
        limit = most - int((most - least + 1) * random.random())
    return limit + random.randint(0, jitter)
