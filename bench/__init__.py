"""The bench: what a request costs in server CPU, for Rhebok and its peers, on this machine.

Run as `python -m bench`; bench/README.md is the manual.
"""
