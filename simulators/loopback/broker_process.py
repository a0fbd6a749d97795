"""The broker's process: ``python -P broker_process.py OPTIONS`` with the options of ``iotcore.Broker`` as JSON.

It ends when its standard input closes, so that it never outlives whoever started it. It is run by its path and imports
nothing of the project.
"""

import json
import logging
import os
import sys
import threading

from iotcore import Broker


def main() -> None:
    """Serve until killed, or until standard input closes."""
    logging.basicConfig(level=logging.WARNING)
    # rumqttd wraps each packet in an error span, which would otherwise be one log line a packet.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    Broker(**json.loads(sys.argv[1])).run_forever()


def _end_with_starter() -> None:
    try:
        sys.stdin.buffer.read()
    finally:
        os._exit(0)  # the broker's own threads cannot be asked to stop


if __name__ == "__main__":
    main()
