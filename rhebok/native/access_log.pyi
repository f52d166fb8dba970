"""Types of the compiled module; access_log.pyx has the documentation. Python sees nothing of it."""
