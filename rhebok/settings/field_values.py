"""The kinds of values that are parts of HTTP fields. Used by table, as those of values.py."""

import re

from rhebok.settings.values import SWITCH_WORDS, Kind


def field_value() -> Kind:
    """The value of a response field (RFC 9110 section 5.5), without obs-text, of at most 256 characters."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[\t\x20-\x7e]{0,256}", value):
            raise ValueError
        return value.strip()

    return Kind("up to 256 characters of printable ASCII on one line", "TEXT", read)


def field_name(usual: str) -> Kind:
    """The name of a field, for what is off without one: None. A flag without a value, and the words for on,
    mean the usual name. Names have a hyphen: that of an application behind the flag is not taken for one."""

    def read(value: object) -> str | None:
        word = str(value).lower()
        if not isinstance(value, str | bool):
            raise ValueError
        if word in SWITCH_WORDS or value == "":
            return usual if SWITCH_WORDS.get(word) else None
        if not re.fullmatch(r"[A-Za-z0-9]{1,30}(-[A-Za-z0-9]{1,30}){1,4}", str(value)):
            raise ValueError
        return str(value)

    return Kind(
        f"the name of a field, with a hyphen in it, or off; without a value it is {usual}",
        "FIELD",
        read,
        bare=usual,
    )
