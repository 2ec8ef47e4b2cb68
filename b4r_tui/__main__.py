"""`python -m b4r_tui`: the same as the console script."""

import sys

from b4r_tui.commands.main import main

sys.exit(main())
