"""One harness under atheris: ``python -m tests.fuzz.campaign MODULE [libFuzzer's options] [folder or file ...]``.

A file that an earlier campaign left behind, such as crash-..., given as the last word plays that one input again. The
harness' ``SEEDS``, where it has some, go to the first folder as the beginning of the corpus.
"""

import hashlib
import importlib
import sys
from pathlib import Path

import atheris


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["drivers"]):
        harness = importlib.import_module(name)
    for folder in [Path(word) for word in sys.argv[1:] if not word.startswith("-") and Path(word).is_dir()][
        :1
    ]:
        for seed in getattr(harness, "SEEDS", ()):
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    atheris.Setup(sys.argv, harness.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
