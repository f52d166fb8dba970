"""Types of the compiled module; outgoing.pyx has the documentation."""

from typing import final

@final
class Outgoing: ...
