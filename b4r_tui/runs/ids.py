"""Makes run ids, `YYYYmmdd-HHMMSS-xxxx` in UTC, which sort by time wherever the runs were started.

xxxx is the part of the second in base 32 (a tick is about a microsecond).
"""

from __future__ import annotations

import re
import time

RUN_ID_PATTERN = re.compile(r"\d{8}-\d{6}-[0-9a-hjkmnp-tv-z]{4}")
TICKS = 32**4
_DIGITS = (
    "0123456789abcdefghjkmnpqrstvwxyz"  # in ASCII order; without i, l, o and u, which are easily misread
)


def ticks_now() -> int:
    """Return the time in ticks of 1/32⁴ second since 1970."""
    return time.time_ns() * TICKS // 1_000_000_000


def run_id_at(ticks: int) -> str:
    """Return the run id of a moment."""
    seconds, fraction = divmod(ticks, TICKS)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(seconds))
    return f"{stamp}-" + "".join(_DIGITS[fraction >> shift & 31] for shift in (15, 10, 5, 0))
