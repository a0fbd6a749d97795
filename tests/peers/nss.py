"""Certificates in an NSS database, as an upsd of Debian wants them: made with ``certutil``."""

import hashlib
import ssl
import subprocess
from pathlib import Path
from typing import Final

from tests.peers import require_program

SERVER_NAME: Final = "upsd.example"
_PASSWORD: Final = "of-the-database"  # noqa: S105
_CA_ANSWERS: Final = b"y\n\ny\n"  # a CA; no limit of the path; critical


class NssDatabase:
    """A CA ``ca``, a server's certificate of it for 127.0.0.1 and SERVER_NAME, and another CA ``other``."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self._certutil = require_program("certutil")
        self._password = folder / "password"
        self._password.write_text(f"{_PASSWORD}\n", encoding="utf-8")
        noise = folder / "noise"
        noise.write_bytes(hashlib.shake_256(str(folder).encode()).digest(64))
        make = ("-S", "-z", str(noise), "-v", "12")
        self._run("-N")
        for number, name in enumerate(("ca", "other"), start=1):
            self._run(*make, "-n", name, "-s", f"CN={name}", "-x", "-t", "C,,", "-2", "-m", str(number))
        names = f"ip:127.0.0.1,dns:{SERVER_NAME}"
        self._run(
            *make, "-n", "server", "-s", "CN=upsd", "-c", "ca", "-t", ",,", "-m", "3", "--extSAN", names
        )

    @property
    def upsd_conf(self) -> tuple[str, ...]:
        """The lines of upsd.conf(5) that put the certificate to use."""
        return f"CERTPATH {self.folder}", f'CERTIDENT "server" "{_PASSWORD}"'

    def pem(self, name: str) -> Path:
        """A certificate in a file."""
        path = self.folder / f"{name}.pem"
        path.write_bytes(self._run("-L", "-n", name, "-a"))
        return path

    def fingerprint(self, name: str) -> bytes:
        """SHA-256 of a certificate."""
        pem = self.pem(name).read_text(encoding="ascii").replace("\r", "")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest()

    def _run(self, *arguments: str) -> bytes:
        command = [self._certutil, *arguments, "-d", str(self.folder), "-f", str(self._password)]
        done = subprocess.run(command, input=_CA_ANSWERS, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout
