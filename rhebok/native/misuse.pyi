"""Types of the compiled module; misuse.pyx has the documentation. Python sees nothing of it."""
