"""`python -m b4r_tui`: does the same as the console script."""

import sys

from b4r_tui.commands.main import main

sys.exit(main())
