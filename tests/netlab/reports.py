"""What processes of a branch report: lines of JSON on standard output."""

import json
import sys
import time
from typing import Any


def say(what: str, **more: Any) -> None:
    """One line, with the time of the monotonic clock, which is the same for all processes of a machine."""
    sys.stdout.write(json.dumps({"t": time.monotonic(), "what": what, **more}) + "\n")
    sys.stdout.flush()
