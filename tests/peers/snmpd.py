"""net-snmp's ``snmpd`` as an ONT: its own system group, and optical objects that a small script reads from files.

snmpd keeps what its last command said for half a minute: ask for two of the objects to see one of them change.
"""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from tests.peers import require_program

BRANCH: Final = "1.3.6.1.4.1.32473.7"  # RFC 5612: for examples
RX_OID: Final = f"{BRANCH}.1.0"
TX_OID: Final = f"{BRANCH}.2.0"
LOS_OID: Final = f"{BRANCH}.3.0"
COMMUNITY: Final = "branch"
USER: Final = "technician"
AUTHENTICATION_PASSWORD: Final = "light in the dark"  # noqa: S105
PRIVACY_PASSWORD: Final = "dark in the light"  # noqa: S105
STOP_MAX: Final = 5.0  # seconds

# pass, as snmpd.conf(5) has it: "-g OID" is answered by three lines: OID, type, value. Nothing: no such object.
_SCRIPT: Final = """#!/bin/sh
[ "$1" = -g ] || exit 0
file="{folder}/values/$2"
[ -r "$file" ] && echo "$2" && cat "$file"
exit 0
"""
_CONFIGURATION: Final = """
rocommunity {community} 127.0.0.1
createUser {user} SHA-256 "{authentication}" AES "{privacy}"
rouser {user} priv
pass .{branch} /bin/sh {folder}/light.sh
"""


class Snmpd:
    """One snmpd on 127.0.0.1, everything of it in ``folder``. ``start`` it as often as ``kill``."""

    def __init__(self, folder: Path) -> None:
        self._program: Final = require_program("snmpd")
        self._folder: Final = folder
        self.port: Final = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "values").mkdir()
        (folder / "state").mkdir()
        (folder / "light.sh").write_text(_SCRIPT.format(folder=folder))
        (folder / "snmpd.conf").write_text(
            _CONFIGURATION.format(
                community=COMMUNITY,
                user=USER,
                authentication=AUTHENTICATION_PASSWORD,
                privacy=PRIVACY_PASSWORD,
                branch=BRANCH,
                folder=folder,
            )
        )
        self.shine()

    def shine(self) -> None:
        """Ordinary light."""
        self.tell(RX_OID, "integer", "-19500")
        self.tell(TX_OID, "integer", "2100")
        self.tell(LOS_OID, "integer", "2")

    def tell(self, oid: str, kind: str, value: str) -> None:
        """What the agent says of an OID from now on: a type of snmpd.conf(5) ``pass``, and the value."""
        part = self._folder / "part"
        part.write_text(f"{kind}\n{value}\n")
        part.rename(self._folder / "values" / f".{oid}")

    def forget(self, oid: str) -> None:
        """The agent knows no such object from now on."""
        (self._folder / "values" / f".{oid}").unlink()

    def start(self) -> None:
        with (self._folder / "snmpd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    "-f",
                    "-Lo",
                    "-C",
                    "-c",
                    str(self._folder / "snmpd.conf"),
                    f"udp:127.0.0.1:{self.port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "SNMP_PERSISTENT_DIR": str(self._folder / "state"),
                    "SNMPCONFPATH": str(self._folder),
                    "MIBS": "",
                },
            )

    def pause(self) -> None:
        """Hears nothing from now on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_MAX)
            self._process = None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
