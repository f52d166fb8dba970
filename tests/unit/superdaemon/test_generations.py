"""What a generation is to its superdaemon."""

from rhebok.superdaemon.generations import Generation, Generations, Phase


def test_a_candidate_that_is_told_to_stop_has_not_served():
    """It would be in the status file, where --restart takes it for the new current generation."""
    serves = Generation(1, 11, Phase.ENDING, served_since=1.0)
    generations = Generations({11: serves, 12: Generation(2, 12, Phase.ENDING)})
    assert generations.established == [serves]
