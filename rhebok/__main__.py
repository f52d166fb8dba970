"""`python -m rhebok`: the same as the `rhebok` command."""

import sys

from rhebok.command import main

sys.exit(main())
