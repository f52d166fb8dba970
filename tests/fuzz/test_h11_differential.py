"""A fixed run of h11_differential.py: the conformance cases, and mutations of them."""

import random

import pytest
from h11_differential import Disagreement, compare, compare_request, mutate, pool_of, seeds
from reference import Request

MUTATIONS = 20_000
SEED = 20_261_121


def test_the_conformance_cases_are_read_as_h11_reads_them() -> None:
    assert sum(compare(wire) for wire in seeds()) > 200


def test_mutated_cases_are_read_as_h11_reads_them() -> None:
    rng, pool = random.Random(SEED), pool_of(seeds())
    assert sum(compare(mutate(rng, pool)) for _ in range(MUTATIONS)) > 4000


def test_another_end_of_a_request_is_a_disagreement() -> None:
    wire = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nab"
    ours = Request(
        b"POST", b"/", b"1.1", ((b"Host", b"a"), (b"Content-Length", b"1")), b"a", True, len(wire) - 1
    )
    compare_request(ours, wire)
    with pytest.raises(Disagreement):
        compare_request(Request(**{**vars(ours), "used": len(wire)}), wire)
