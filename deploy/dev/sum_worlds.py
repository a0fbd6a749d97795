"""Adds up the figures of many simulated worlds: one JSON object a line in, one line per whole-number figure out."""

import json
import sys
from collections import defaultdict
from pathlib import Path


def main(path: Path) -> None:
    """Print sum and largest of every whole number that the worlds report."""
    figures: defaultdict[str, list[int]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        for name, value in json.loads(line).items():
            if isinstance(value, int) and not isinstance(value, bool) and name != "seed":
                figures[name].append(value)
    for name, values in figures.items():
        print(f"    {name}: {sum(values)} in all, at most {max(values)} in one world")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
