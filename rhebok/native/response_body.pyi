"""Types of the compiled module; response_body.pyx has the documentation. Python sees nothing of it."""
