"""The bench: the server CPU time of a request, for Rhebok and its peers, on this machine.

Run as `python -m bench`; bench/README.md is the manual.
"""
