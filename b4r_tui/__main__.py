"""`python -m b4r_tui`: the same as the console script."""

import sys

from b4r_tui.cli import main

sys.exit(main())
