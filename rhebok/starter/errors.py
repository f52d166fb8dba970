"""What the modules of the starter raise and cli.py prints."""


class StarterError(Exception):
    """Something the user can mend: what was tried, with which value, and what to do."""
