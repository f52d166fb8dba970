"""Rhebok: a prefork WSGI server whose hot path is C and Cython."""

__version__ = "0.1.0"
