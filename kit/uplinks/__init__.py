"""The MQTT sessions of the uplinks: the only place of the kit that knows aiomqtt and paho.

paho loads all of dnspython wherever that is installed, for a lookup that nobody here asks it for (3 MiB): it is loaded
here, before anything else loads it, as if dnspython were not there.
"""

import sys
from typing import Any, cast

_ABSENT = "dns.resolver"
_modules = cast("dict[str, Any]", sys.modules)
if _ABSENT not in _modules:
    _modules[_ABSENT] = None
    try:
        __import__("paho.mqtt.client")
    finally:
        del _modules[_ABSENT]
