"""The one table of exit codes (DESIGN §3), after sysexits(3) and the monitoring-plugins convention."""

from typing import Final

OK: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3
USAGE: Final = 64
DATA: Final = 65
UNAVAILABLE: Final = 69
BUG: Final = 70
CANNOT_CREATE: Final = 73
QUEUED: Final = 75
FORBIDDEN: Final = 77
CONFIG: Final = 78
TIMED_OUT: Final = 124
