"""A kit whose uplinks have no TLS and no DNS servers of their own pays for neither."""

import subprocess
import sys

PROGRAM = """
import asyncio, sys
import kit.cli.kitd, kit.daemon
from kit.uplinks.gateway import Gateway
from kit.uplinks.uplinks import MqttUplinks
from tests.kit.uplink_bench import Quiet

async def main():
    gateways = {"fibre": Gateway("127.0.0.1", 9, addresses=("127.0.0.2",), portal_check="http://127.0.0.1:9/")}
    said = []
    made = MqttUplinks(gateways, election="e", branch="b", post=said.append, log=Quiet(), wall_ms=lambda: 0)
    made.connect("fibre", 1_000)
    while not said:
        await asyncio.sleep(0.01)
    await made.close()

asyncio.run(main())
print([name for name in sys.modules if name.split(".")[0] == "dns" or name in ("kit.uplinks.tls", "drivers.tls")])
"""


def test_dns_or_certificates_are_loaded_though_no_uplink_asks_for_them() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.stdout, run.stderr) == ("[]\n", "")
