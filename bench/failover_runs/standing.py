"""Kits that have nothing to send: how soon they leave a dead uplink, and what their probes cost."""

import time
from dataclasses import dataclass
from random import Random
from typing import Final

from failover_runs.faults import PATIENCE_S, progress, struck
from tests.netlab.branch import Branch
from tests.netlab.lab import FIBRE, MOBILE, Lab

PROBES_WATCHED: Final = {"quiet": 3, "polls": 12}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes a second of one uplink: as the kit counts them for its budget, and as nftables does on the link."""

    counted: float
    on_the_link: float


@dataclass(slots=True)
class Standing:
    """A kit that has nothing to send, at one of the two paces."""

    lab: Lab
    branch: Branch
    pace: str
    seed: int

    def begin(self) -> None:
        """Until both uplinks work."""
        self.branch.start((FIBRE, MOBILE))
        for name in (FIBRE, MOBILE):
            self.branch.until_answers(name)
        self.branch.tell(f"pin {FIBRE}")
        if self.pace == "polls":
            self.branch.tell("polls")

    def traffic(self) -> list[Traffic]:
        """What each uplink takes, both ways, from after one probe to after another."""
        since = self.branch.mark()
        before, began = self._bytes_after(1, since), time.monotonic()
        after = self._bytes_after(1 + PROBES_WATCHED[self.pace], since)
        lasted_s = time.monotonic() - began
        return [
            Traffic(self._counted_per_s(name, since), (after[name] - before[name]) / lasted_s)
            for name in (FIBRE, MOBILE)
        ]

    def strikes(self, times: int) -> list[float]:
        """Seconds from each blackhole, at any moment between two probes, to the switch."""
        rng, took = Random(self.seed), []
        fibre = self.branch.cable(FIBRE)
        for _ in range(times):
            time.sleep(rng.uniform(1.0, 30.0))
            since = self.branch.mark()
            with struck(fibre.cut, fibre.heal):
                began = time.monotonic()
                switch = self.branch.wait(
                    lambda report: report["what"] == "switch" and report["left"] == FIBRE, since, PATIENCE_S
                )
            took.append(switch["t"] - began)
            progress(f"{self.pace}: {took[-1]:.1f} s, {switch['reason']}")
            self.branch.wait(lambda _: FIBRE in self.branch.usable(), since, PATIENCE_S)
        return took

    def _counted_per_s(self, name: str, since: int) -> float:
        """From the first of the kit's counts in that time to the last one."""
        counts = [
            report
            for report in self.branch.reports[since:]
            if report["what"] == "counted" and report["uplink"] == name
        ]
        size = sum(report["size"] for report in counts[1:])
        return float(size / (counts[-1]["t"] - counts[0]["t"]))

    def _bytes_after(self, probes: int, since: int) -> dict[str, int]:
        """Of each link until now, once so many probes of the fibre came back; those of the other keep in step."""
        for _ in range(probes):
            echo = self.branch.wait(
                lambda report: report["what"] == "echo" and report["uplink"] == FIBRE, since, PATIENCE_S
            )
            since = self.branch.reports.index(echo) + 1
        time.sleep(1.0)  # the last acknowledgement has passed by then
        number, counters = self.lab.branches.index(self.branch), self.lab.counters()
        return {
            name: sum(counters[f"w{number}{name}-{way}"][1] for way in ("sent", "came"))
            for name in (FIBRE, MOBILE)
        }
