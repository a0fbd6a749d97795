"""Adds up the figures of many simulated worlds: a folder of reports in, one line per whole-number figure out."""

import json
import sys
from collections import defaultdict
from pathlib import Path


def main(folder: Path) -> None:
    """Print sum and largest of every whole number that the worlds report; worlds that broke off report nothing."""
    figures: defaultdict[str, list[int]] = defaultdict(list)
    silent = 0
    for path in sorted(folder.glob("*.json")):
        try:
            report = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])  # the days come before it
        except (ValueError, IndexError):
            silent += 1
            continue
        for name, value in report.items():
            if isinstance(value, int) and not isinstance(value, bool) and name != "seed":
                figures[name].append(value)
    for name, values in figures.items():
        print(f"    {name}: {sum(values)} in all, at most {max(values)} in one world")
    if silent:
        print(f"    worlds that reported nothing: {silent}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
