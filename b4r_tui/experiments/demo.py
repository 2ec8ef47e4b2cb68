"""The experiments file that the tour makes: two small experiments on made-up data, about a minute each."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import B4RError, ExitCode
from engine.files import fsync_folder

