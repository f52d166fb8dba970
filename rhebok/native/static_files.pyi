"""Types of the compiled module; static_files.pyx has the documentation. Python sees nothing of it."""
