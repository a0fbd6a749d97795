"""The end of a day in words that a newcomer understands."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

MISMATCHES_SHOWN: Final = 5
_FINDINGS = {
    "signed-in-differs": "more voters signed in than ballots were counted",
    "more-counted-than-signed-in": "more ballots were counted than voters signed in",
    "candidates-do-not-add-up": "candidates' votes do not add up to the valid votes",
    "valid-and-invalid-do-not-add-up": "valid and invalid do not add up to the ballots",
    "public-counter-differs": "the public counter differs from the ballots",
    "account-differs-from-tally": "the ballot account and the tally differ",
}
EXPLANATION = (
    "Every branch closed in the dark, with its fibre dead. Each sealed its tally so that only trustees together open "
    "it, kept it in its journal, sent it over what still worked, and let go only when it had verified a signed receipt "
    "which proves that the tally is in the log. The totals were compared with the input files, not with memory."
)


def print_verdict(report: dict[str, Any], console: Console) -> None:
    """The verdict table, and what it means."""
    table = Table(title="What was checked", show_header=False)
    for check, held in report["checks"].items():
        table.add_row("[green]yes[/]" if held else "[bold red]NO[/]", check)
    console.print(table)
    numbers = Table(title="The day in numbers", show_header=False)
    for name in ("branches", "sealed", "received", "verified", "opened", "lost", "duplicated", "mismatched"):
        numbers.add_row(name, ": ".join([str(report[name]), *_which(report, name)]))
    votes = sum(sum(codes.values()) for codes in report["totals"].values())
    invalid = sum(columns["invalid"] for columns in report["ballots"].values())
    numbers.add_row("votes counted", f"{votes} ({invalid} ballots invalid)")
    for code in sorted({finding["code"] for finding in report["findings"]}):
        found = [finding for finding in report["findings"] if finding["code"] == code]
        numbers.add_row(f"{found[0]['grade']}s", f"{len(found)} x {_FINDINGS.get(code, code)}")
    numbers.add_row("things broken on purpose", str(len(report["faults"])))
    numbers.add_row("dead uplinks noticed after", f"{report['noticed_ms'] / 1000:.1f} s")
    slowest = max(report["delivery_ms"].values())
    numbers.add_row("slowest from seal (or healed uplink) to verified receipt", f"{slowest / 1000:.1f} s")
    numbers.add_row("seconds", str(report["seconds"]))
    console.print(numbers)
    console.print(EXPLANATION, highlight=False)
    console.print(
        "Two of three [bold]trustees[/] opened, each with a share of a key that exists nowhere, after witnesses had "
        "seen the order. The published folder holds all that a stranger needs to compute it again."
    )
    if report["verdict"] == "ok":
        console.print("[bold green]Verdict: every vote that was counted arrived, once, unchanged.[/]")
    else:
        console.print(f"[bold red]Verdict: FAILED.[/] Everything is kept in {report.get('folder')}")


def _which(report: dict[str, Any], name: str) -> list[str]:
    """Where a station's numbers differ from its rows: which, at least the first."""
    return (
        [", ".join(report["mismatches"][:MISMATCHES_SHOWN])] if name == "mismatched" and report[name] else []
    )
