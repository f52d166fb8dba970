"""`python -m rhebok.starter`: the same command as `rhebok-starter`."""

import sys

from rhebok.starter.cli import main

if __name__ == "__main__":
    sys.exit(main())
