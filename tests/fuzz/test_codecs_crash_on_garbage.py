"""Every harness of this folder: some hundred inputs each time, two minutes under atheris each night.

A harness is a file ``fuzz_<codec>.py`` with ``one_input(data)``, which feeds its codec, lets only typed errors pass and
checks that what the codec keeps is bounded; ``SEEDS`` are inputs worth beginning with. Nights leave what they found in
build/fuzz: ``python -m tests.fuzz.campaign tests.fuzz.fuzz_<codec> FILE`` plays it again.
"""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import peers

FOLDER: Final = Path(__file__).parent
HARNESSES: Final = sorted(path.stem for path in FOLDER.glob("fuzz_*.py"))
EXAMPLES: Final = 150  # in an ordinary run
INPUT_MAX: Final = 4_096  # bytes
CAMPAIGN_S: Final = int(os.environ.get("FUZZ_SECONDS", "120"))  # for each harness
RSS_MAX_MB: Final = 512  # of the whole process, Python and atheris included
INPUT_TIME_MAX_S: Final = 20  # for one input
GRACE_S: Final = 120  # to start and to end, on a busy machine


def harness(name: str) -> tuple[Callable[[bytes], None], tuple[bytes, ...]]:
    module = importlib.import_module(f"tests.fuzz.{name}")
    return module.one_input, getattr(module, "SEEDS", ())


@pytest.mark.parametrize("name", HARNESSES)
def test_a_codec_crashes_on_garbage(name: str) -> None:
    one_input, seeds = harness(name)
    for seed in seeds:
        one_input(seed)

    @settings(max_examples=EXAMPLES)
    @given(garbage(seeds))
    def whatever(data: bytes) -> None:
        one_input(data)

    whatever()


def garbage(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Noise, and seeds of which a part became noise."""
    noise = st.binary(max_size=512)
    if not seeds:
        return noise | st.binary(min_size=INPUT_MAX // 2, max_size=INPUT_MAX)
    spoilt = st.tuples(
        st.sampled_from(seeds), st.integers(0, 200), st.integers(0, 16), st.binary(max_size=16)
    ).map(lambda parts: parts[0][: parts[1]] + parts[3] + parts[0][parts[1] + parts[2] :])
    return noise | spoilt | st.lists(spoilt, max_size=4).map(b"".join)


@pytest.mark.nightly
@pytest.mark.parametrize("name", HARNESSES)
def test_a_codec_crashes_on_garbage_all_night(name: str) -> None:
    found = Path("build/fuzz") / name
    (found / "corpus").mkdir(parents=True, exist_ok=True)
    done = campaign(f"tests.fuzz.{name}", found, CAMPAIGN_S)
    assert done.returncode == 0, f"see {found}\n{done.stdout[-6_000:]}"
    runs = re.search(r"Done (\d+) runs in \d+ second", done.stdout)
    assert runs is not None, done.stdout[-6_000:]
    assert int(runs[1]) > CAMPAIGN_S, "atheris hardly ran"


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("assert not data.startswith(b'ab')", "AssertionError"),
        ("if data.startswith(b'a'): kept.append(bytearray(b'x') * 700_000_000)", "out-of-memory"),
    ],
)
def test_a_campaign_is_blind(body: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "blind_harness.py").write_text(
        f"kept = []\n\n\ndef one_input(data: bytes) -> None:\n    {body}\n"
    )
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "seed").write_bytes(b"ab")
    done = campaign("blind_harness", tmp_path, 30)
    assert done.returncode != 0
    assert said in done.stdout


def campaign(module: str, found: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    if importlib.util.find_spec("atheris") is None:
        peers.missing("atheris is not installed (it has wheels for Linux on x86-64 only)")
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.campaign",
        module,
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={RSS_MAX_MB}",
        f"-max_len={INPUT_MAX}",
        f"-timeout={INPUT_TIME_MAX_S}",
        f"-artifact_prefix={found}/",
        str(found / "corpus"),
    ]
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds + GRACE_S,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(Path.cwd()), str(found)))},
    )
