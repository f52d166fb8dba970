"""Types of the compiled module; response_head.pyx has the documentation. Python sees nothing of it."""
