"""Applications and libraries from PyPI, as people use them, under the real `rhebok` command."""
