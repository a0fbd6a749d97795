"""The witnesses of a world: the real ones, on a memory that outlives nothing, asked without a network."""

from pathlib import Path

from center.witness.address import Answer, WitnessAddress
from center.witness.answers import add_checkpoint
from center.witness.witness import Request, Witness
from crypto.notes import CosignatureVerifier, NoteVerifier
from simulators.election import Election
from simulators.virtual.clock import NodeClock


class Recall:
    """center.witness.witness.Memory in RAM: these witnesses never lose power."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}
        self.accusations: list[tuple[str, str]] = []

    def newest(self, origin: str) -> str | None:
        """As Memory."""
        return self._newest.get(origin)

    def remember(self, origin: str, note: str) -> None:
        """As Memory."""
        self._newest[origin] = note

    def accuse(self, known: str, shown: str) -> Path:
        """As Memory; a world in which a witness accuses the log is broken."""
        self.accusations.append((known, shown))
        return Path("evidence")


class Witnesses:
    """All witnesses of an election. ``silent``: nobody answers, as when the centre has no way to the world."""

    def __init__(self, election: Election, clock: NodeClock) -> None:
        log = NoteVerifier(election.trusted.manifest.log.vkey)
        self._clock = clock
        self._memories = {one.name: Recall() for one in election.cosigners()}
        self._witnesses = {
            _url(one.name): Witness(self._memories[one.name], one, [log]) for one in election.cosigners()
        }
        self.addresses = tuple(
            WitnessAddress(url=_url(one.name), vkey=one.vkey, verifier=CosignatureVerifier(one.vkey))
            for one in election.cosigners()
        )
        self.silent = False

    @property
    def accusations(self) -> int:
        """How often a witness was shown two logs."""
        return sum(len(memory.accusations) for memory in self._memories.values())

    async def ask(self, url: str, request: Request) -> Answer:
        """center.ports.Ask."""
        if self.silent:
            raise OSError("no way to the witness")
        return add_checkpoint(self._witnesses[url], request.to_bytes(), time_s=self._clock.wall_ms() // 1000)


def _url(name: str) -> str:
    return f"http://{name}:80"
