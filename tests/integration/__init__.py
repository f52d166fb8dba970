"""The real `rhebok` command, in processes of its own, and real clients."""
