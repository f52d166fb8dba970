"""Types of the compiled module; error_log.pyx has the documentation. Python sees nothing of it."""
