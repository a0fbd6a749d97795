"""The attacks that this project must withstand, by name. Each has a test that carries the name.

    python -m tests.attacks.catalogue      writes the table of README.md

A test of an attack stages it as an attacker would, through what the outside can reach; asks for the refusal or alarm
that is meant for it; and shows that the same scene without the attack passes.
"""

import ast
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

_T = TypeVar("_T", bound=Callable[..., object])

HERE: Final = Path(__file__).parent
README: Final = HERE / "README.md"

ATTACKS: Final[Mapping[str, Sequence[str]]] = {
    "Encoding": (
        "duplicate key",
        "float",
        "white space",
        "key order",
        "integer of 2^53 or more",
        "byte order mark",
        "trailing bytes",
        "lone surrogate",
        "base64 pad bits",
        "oversize",
        "too deep",
    ),
    "Counts": ("negative count", "sum differs from total", "unknown candidate"),
    "Signatures": (
        "payload type confusion",
        "one key counted twice",
        "S + L malleability",
        "unknown signer",
        "swapped key id",
        "mixed-order enrolled key",
        "revoked key",
        "key of the next epoch",
        "zero signatures",
        "strip and re-sign",
    ),
    "Seal": (
        "wrong election in info",
        "wrong branch in info",
        "wrong seq in info",
        "wrong commitment",
        "enc is 0",
        "enc is 1",
        "enc of order 8",
        "non-canonical enc",
        "enc on the twist",
        "unknown suite",
        "unknown kid",
        "re-randomised enc of another envelope",
    ),
    "Trustees": (
        "k-1 trustees",
        "wrong partial",
        "DLEQ proof replayed",
        "DLEQ proof of another trustee",
        "partial before the order",
    ),
    "Key ceremony": (
        "threshold elevation",
        "bad proof of possession",
        "identity point",
        "split view",
    ),
    "Delivery": (
        "duplicate delivery",
        "same seq, new content",
        "gap",
        "old manifest",
        "envelope of an earlier election",
        "clock set back",
        "clock set forward",
        "USB and MQTT copies that differ",
    ),
    "Short messages": (
        "SMS parts forged under a branch's number",
        "SMS replayed from another number",
        "acknowledgement by another log",
        "request for SMS parts forged or replayed",
    ),
    "Commands and manifests": (
        "command by another key",
        "command replayed",
        "command for another branch, election or round",
        "another note of the log passed for a command",
        "branch silenced by the stolen log key",
        "manifest rollback",
        "manifest after the zero report",
    ),
    "Log and receipts": (
        "receipt for another leaf",
        "edited index",
        "edited size",
        "edited origin",
        "witness line removed",
        "witness line doubled",
        "leaf taken for a node",
        "fork between branches",
        "log rollback",
        "omission after acknowledgement",
        "total differs from the sum of the leaves",
    ),
    "Journal": ("restored disk image", "journal rewrite", "skipped epoch", "truncation"),
}
NAMES: Final = frozenset(name for names in ATTACKS.values() for name in names)


def attack(*names: str) -> Callable[[_T], _T]:
    """Say which attacks a test stages."""
    unknown = set(names) - NAMES
    if unknown or not names:
        raise ValueError(f"{sorted(unknown)}: not in the catalogue")

    def same(test: _T) -> _T:
        return test

    return same


def staged() -> dict[str, list[str]]:
    """The tests of each attack, as ``file::test``, found in the sources."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for name in _names(node):
                    found[name].append(f"{path.name}::{node.name}")
    return found


def _names(test: ast.FunctionDef) -> Iterator[str]:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "attack":
            yield from (ast.literal_eval(argument) for argument in decorator.args)


def table() -> str:
    """README.md as it should be."""
    lines = [
        "# Attacks, and the tests that stage them",
        "",
        *textwrap.wrap((__doc__ or "").split("\n\n")[-1], 110),
        "",
        "Written by `python -m tests.attacks.catalogue`; a test fails when it is out of date.",
    ]
    tests = staged()
    for family, names in ATTACKS.items():
        lines += ["", f"## {family}", "", "| attack | staged by |", "|---|---|"]
        lines += [f"| {name} | {'<br>'.join(f'`{one}`' for one in tests[name])} |" for name in names]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(table(), encoding="utf-8")
