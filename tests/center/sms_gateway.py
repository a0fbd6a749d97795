"""``center sms`` as a process beside a broker and a centerd."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from crypto import command
from tests.center.site import WAIT_S, Site, program

ASK_AFTER_S: Final = 3


class SmsGateway:
    """One gateway, killed and started again as often as a test likes. ``way``: --modem LINE or --spool DIR."""

    def __init__(
        self, site: Site, *way: str | Path, ask_after_s: int = ASK_AFTER_S, log: str = "sms.log"
    ) -> None:
        self._site = site
        self._arguments = ("--config", site.config, *way, "--ask-after", str(ask_after_s))
        self._output = site.folder / log
        self._process: subprocess.Popen[bytes] | None = None
        self.folder: Final = site.state_dir / "sms"

    def start(self) -> None:
        with self._output.open("ab") as log:
            self._process = program("center", "sms", *self._arguments, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(WAIT_S)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(WAIT_S)

    def said(self) -> str:
        """Everything that it said in all its lives."""
        return self._output.read_text(encoding="utf-8", errors="replace") if self._output.exists() else ""

    def files(self, kind: str) -> int:
        """How many records of a kind it keeps."""
        folder = self.folder / kind
        return (
            len([path for path in folder.iterdir() if not path.name.startswith(".")])
            if folder.exists()
            else 0
        )

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


def admitted(site: Site) -> int:
    """How many envelopes centerd has logged, in all its lives."""
    return sum(line["admitted"] for line in site.log_lines() if line["event"] == "batch")


def just_now() -> dict[str, str]:
    """The times of a command that was given now, and holds for ten minutes."""
    now_s = int(time.time())
    return {"issued_at": command.seconds_text(now_s), "expires_at": command.seconds_text(now_s + 600)}
