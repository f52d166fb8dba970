"""rhebok.native.upgraded_socket: cases that a test with a server cannot cause."""

import os

import pytest

from rhebok.native.upgraded_socket import OfferedSocket


class PipeOffer:
    """Offers a descriptor that is no socket."""

    def __init__(self) -> None:
        self.descriptor, self.other_end = os.pipe()

    def take_over(self) -> tuple[int, bytes, bytes]:
        return self.descriptor, b"", b""

    def keep(self) -> None: ...


def test_a_descriptor_that_is_no_socket_is_closed() -> None:
    offer = PipeOffer()
    offered = OfferedSocket(offer)
    with pytest.raises(OSError, match="non-socket"):
        offered.fileno()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(offer.descriptor)
    assert offered.fileno() == -1
    os.close(offer.other_end)
