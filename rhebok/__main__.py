"""`python -m rhebok`: the same as the `rhebok` command."""

import sys

from rhebok.cli import main

sys.exit(main())
