"""Types of the compiled module; application_call.pyx has the documentation. Python sees nothing of it."""
