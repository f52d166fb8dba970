"""Types of the compiled module; response_cache.pyx has the documentation. Python sees nothing of it."""
