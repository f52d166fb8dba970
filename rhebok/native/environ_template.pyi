"""Types of the compiled module; environ_template.pyx has the documentation. Python sees nothing of it."""
