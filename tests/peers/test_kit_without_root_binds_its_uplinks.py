"""The whole kit as another user with the two capabilities of its unit file: two uplinks, each by its own box."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from pyroute2 import netns

from tests import peers
from tests.kit.commission import ROOT, command, commission, run
from tests.peers import uplink_cables as cables
from tests.peers.mosquitto import Mosquitto
from tests.peers.test_user_may_not_set_routes import NOBODY, granted

pytestmark = pytest.mark.peer("setpriv", "mosquitto")
PATIENCE_S: Final = 20.0
PORT: Final = 1883


@contextmanager
def folder() -> Iterator[Path]:
    """One that another user can reach."""
    path = Path(tempfile.mkdtemp(prefix="kit-"))
    try:
        path.chmod(0o755)
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def kit(at: Path) -> Iterator[subprocess.Popen[str]]:
    only = ",".join(("-all", *(f"+{name}" for name in granted())))
    user = [
        *(peers.require_program("setpriv"), "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
        *("--inh-caps", only, "--ambient-caps", only, "--bounding-set", only, "--no-new-privs"),
    ]
    config = commission(at, port=PORT)
    text = config.read_text().replace("127.0.0.1", cables.CENTRE)
    first, rest = text.split(f"port = {PORT}\n", 1)
    bound = f'{first}port = {PORT}\n[uplinks.interface]\nname = "fib0"\n{rest}'
    config.write_text(bound + '[uplinks.interface]\nname = "lte0"\n')
    for path in (at, *at.iterdir()):
        if path.name != "brokers":
            os.chown(path, int(NOBODY), int(NOBODY))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [*user, *command("kitd", "--config", config)],
        env=environment,
        cwd=at,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def links(at: Path, fits: Callable[[dict[str, Any]], bool]) -> dict[str, dict[str, Any]]:
    """The uplinks by name, as soon as both fit."""
    until, heard = time.monotonic() + PATIENCE_S, ""
    while time.monotonic() < until:
        asked = run("kitctl", "link", "list", "--json", "--socket", at / "kitd.sock")
        heard = asked.stdout + asked.stderr
        if asked.returncode == 0:
            found = {link["name"]: link for link in json.loads(asked.stdout)["uplinks"]}
            if all(map(fits, found.values())):
                return found
        time.sleep(0.1)
    raise AssertionError(heard)


def test_kit_of_another_user_holds_both_uplinks_by_their_own_tables() -> None:
    with ExitStack() as undo:
        at = undo.enter_context(folder())
        undo.enter_context(cables.branch())
        for number, name in enumerate(("fib0", "lte0"), 1):
            box = undo.enter_context(cables.box(name, f"10.{number}.0", metric=100 * number))
            (at / "brokers" / name).mkdir(parents=True)
            broker = Mosquitto(at / "brokers" / name, port=PORT, listen="0.0.0.0")  # noqa: S104 - of the box
            netns.pushns(box)
            try:
                asyncio.run(broker.start())
            finally:
                netns.popns()
            undo.callback(broker.kill)
        running = undo.enter_context(kit(at))
        found = links(at, lambda link: link["state"] == "up")
        assert [(link["path"]["interface"], link["path"]["table"]) for link in found.values()] == [
            ("fib0", 7_101),
            ("lte0", 7_102),
        ]
        running.terminate()
        _, said = running.communicate(timeout=PATIENCE_S)
        assert "may not" not in said
        assert cables.rules() == cables.table(7_101) == cables.table(7_102) == []
