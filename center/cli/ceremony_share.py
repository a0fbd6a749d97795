"""``kit-ceremony share`` and ``drill``: is a trustee's share good, and are k of them enough?"""

import argparse
from pathlib import Path
from typing import Final

from center.ceremony import drill, papers
from center.ceremony.drill import DrillAnswer, DrillChallenge
from center.ceremony.errors import CeremonyRefusedError
from center.cli import ceremony_desk as desks
from center.cli.ceremony_desk import Desk
from center.cli.command import OK, WARNING, Commands
from crypto import codec, share_file
from crypto.manifest import TrustedManifest
from crypto.share_file import ShareFile
from crypto.trustees import TrusteeShare

_EXAMPLES: Final = """examples:
  kit-ceremony share check --share share-judge-1.json --manifest manifest.dsse.json \\
      --plan plan.json --enrolments enrolments.json

exit codes: 0 good, 1 good but protected for rehearsals only, 65 damaged or of another election, round or key,
77 wrong passphrase
"""
_DRILL_EXAMPLES: Final = """TRUST stands for --manifest manifest.dsse.json --plan plan.json --enrolments enrolments.json
examples:
  kit-ceremony drill new TRUST                                               coordinator: writes drill.json
  kit-ceremony drill answer TRUST --challenge drill.json --share share-judge-1.json    each trustee
  kit-ceremony drill open TRUST --challenge drill.json drill-*.json          coordinator: k answers open it

No envelope is opened and nothing is learnt of a share: what a drill seals, everybody could open (docs/ceremony.md).
"""


def add(commands: Commands) -> None:
    """Add the commands to the parser of ``kit-ceremony``."""
    share = commands.add_parser(
        "share",
        help="trustee: is my share the right one, and does my passphrase open it",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = share.add_subparsers(dest="kind", required=True, metavar="WHAT")
    check = kinds.add_parser("check", help="open the share file and hold it against the manifest")
    check.set_defaults(run=_check)
    parser = commands.add_parser(
        "drill",
        help="open a sealed nothing together, before the election",
        epilog=_DRILL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(dest="kind", required=True, metavar="STEP")
    new = steps.add_parser("new", help="coordinator: make a challenge")
    new.set_defaults(run=_new)
    answer = steps.add_parser("answer", help="trustee: answer it")
    answer.set_defaults(run=_answer)
    together = steps.add_parser("open", help="coordinator: combine the answers")
    together.add_argument("files", type=Path, nargs="+", metavar="FILE", help="drill-*.json of k trustees")
    together.set_defaults(run=_open)
    for step in (check, new, answer, together):
        desks.add_trust(step)
    for step in (answer, together):
        step.add_argument("--challenge", type=Path, required=True, metavar="FILE", help="drill.json")
    for step in (check, answer):
        step.add_argument("--share", type=Path, required=True, metavar="FILE", help="your share-*.json")
        desks.add_passphrase(step)
    for step in (new, answer):
        desks.add_out(step)
    desks.show_examples(kinds, _EXAMPLES)
    desks.show_examples(steps, _DRILL_EXAMPLES)


def _check(arguments: argparse.Namespace) -> int:
    trusted = desks.trusted_manifest(arguments)
    share, weak = _share(arguments, trusted)
    keys = drill.trustee_keys(trusted)
    print(
        f"GOOD: share {share.trustee} of {len(keys.shares)}, {_holder(trusted, share)}; {keys.threshold} open together"
    )
    print(f"election {trusted.manifest.election} round {trusted.manifest.round}")
    print(f"fingerprint of the election key: {papers.fingerprint(trusted.election_public_key)}")
    if weak:
        print("NOTE: low cost: this share file is protected for rehearsals only; not for a real election")
        return WARNING
    return OK


def _new(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    paper = drill.challenge(desks.trusted_manifest(arguments), desk.entropy(drill.EPHEMERAL_BYTES))
    desks.write_public(arguments.out / "drill.json", papers.to_bytes(paper))
    print("next: carry drill.json to the trustees; each runs kit-ceremony drill answer")
    return OK


def _answer(arguments: argparse.Namespace) -> int:
    trusted = desks.trusted_manifest(arguments)
    paper = desks.read_paper(arguments.challenge, DrillChallenge)
    drill.check(trusted, paper)
    share, _ = _share(arguments, trusted)
    name = f"drill-{desks.file_name(_holder(trusted, share))}.json"
    desks.write_public(arguments.out / name, papers.to_bytes(drill.answer(trusted, paper, share)))
    print(f"next: carry {name} to the coordinator")
    return OK


def _open(arguments: argparse.Namespace) -> int:
    trusted = desks.trusted_manifest(arguments)
    paper = desks.read_paper(arguments.challenge, DrillChallenge)
    answers = desks.read_papers(arguments.files, DrillAnswer, "drill-?*.json")
    who = drill.open_together(trusted, paper, answers)
    print(f"GOOD: {', '.join(who)} opened what was sealed to the election key")
    return OK


def _share(arguments: argparse.Namespace, trusted: TrustedManifest) -> tuple[TrusteeShare, bool]:
    """The share, and whether its file is protected for rehearsals only."""
    keys = drill.trustee_keys(trusted)
    data = desks.read(arguments.share, share_file.SHARE_FILE_MAX)
    file = papers.parse(data, ShareFile, str(arguments.share))
    share, found = share_file.open_share(
        data,
        desks.passphrase(arguments, f"the share in {arguments.share}"),
        election=trusted.manifest.election,
        round_number=trusted.manifest.round,
        election_key=codec.unb64(trusted.manifest.election_key.public_key),
    )
    if found != keys:
        raise CeremonyRefusedError(
            f"{arguments.share}: names other trustees or another threshold than the manifest: take the right files"
        )
    return share, desks.is_weak(file.operations, file.memory_kib)


def _holder(trusted: TrustedManifest, share: TrusteeShare) -> str:
    board = trusted.manifest.election_key.board
    return board.trustees[share.trustee - 1].id if board is not None else str(share.trustee)
