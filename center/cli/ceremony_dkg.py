"""``kit-ceremony dkg``: the trustees make the election key together; nobody ever has it."""

import argparse
import sys
from pathlib import Path
from typing import Final

from center.ceremony import dkg, papers
from center.ceremony.dkg import NONCE_BYTES, Seen
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.papers import DkgCertificate, DkgMessages, DkgSession, RoundOne, RoundTwo
from center.cli import ceremony_desk as desks
from center.cli.ceremony_desk import Desk
from center.cli.command import OK, Commands
from crypto import codec, share_file
from crypto.edwards import to_x25519
from crypto.key_file import HeldKey
from crypto.passphrase import NONCE_BYTES as AEAD_NONCE_BYTES
from crypto.passphrase import SALT_BYTES

_EXAMPLES: Final = """one after the other; T: each trustee at their own machine, C: the coordinator
  C  kit-ceremony dkg session --plan plan.json --enrolments enrolments.json           -> all trustees
  T  kit-ceremony dkg round1 --session dkg-session.json --key trustee-judge-1.key     -> coordinator
  C  kit-ceremony dkg relay --session dkg-session.json round1-*.json                  -> all trustees
  T  kit-ceremony dkg round2 --session dkg-session.json --key trustee-judge-1.key \\
         --messages dkg-messages.json --sent round1-judge-1.json                      -> coordinator
  C  kit-ceremony dkg certify --session dkg-session.json --messages dkg-messages.json round2-*.json   -> all
  T  kit-ceremony dkg finish --session dkg-session.json --key trustee-judge-1.key \\
         --messages dkg-messages.json --sent round1-judge-1.json --certificate dkg-certificate.json

Whatever is refused: stop, and see docs/ceremony.md. A new session makes all files of the old one worthless.
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``kit-ceremony``."""
    parser = commands.add_parser(
        "dkg",
        help="the trustees make the election key together",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="STEP")
    session = kinds.add_parser("session", help="coordinator: open a session")
    desks.add_plan(session)
    session.add_argument("--enrolments", type=Path, required=True, metavar="FILE")
    session.set_defaults(run=_session)
    one = kinds.add_parser("round1", help="trustee: make the first message")
    one.set_defaults(run=_round1)
    relay = kinds.add_parser("relay", help="coordinator: put all first messages together")
    relay.add_argument(
        "files", type=Path, nargs="+", metavar="FILE|DIR", help="round1-*.json of all trustees"
    )
    relay.set_defaults(run=_relay)
    two = kinds.add_parser("round2", help="trustee: check all messages, sign what was seen")
    two.set_defaults(run=_round2)
    certify = kinds.add_parser("certify", help="coordinator: put all signatures together")
    certify.add_argument(
        "files", type=Path, nargs="+", metavar="FILE|DIR", help="round2-*.json of all trustees"
    )
    certify.set_defaults(run=_certify)
    finish = kinds.add_parser("finish", help="trustee: accept the key, write the share")
    finish.add_argument("--certificate", type=Path, required=True, metavar="FILE")
    finish.add_argument(
        "--share-passphrase-file", type=Path, metavar="FILE", help="for the share, if another than the key's"
    )
    desks.add_cost(finish)
    finish.set_defaults(run=_finish)
    for step in (one, relay, two, certify, finish):
        step.add_argument("--session", type=Path, required=True, metavar="FILE", help="dkg-session.json")
    for step in (two, certify, finish):
        step.add_argument("--messages", type=Path, required=True, metavar="FILE", help="dkg-messages.json")
    for step in (one, two, finish):
        step.add_argument("--key", type=Path, required=True, metavar="FILE", help="your trustee-*.key")
        desks.add_passphrase(step)
    for step in (two, finish):
        step.add_argument("--sent", type=Path, required=True, metavar="FILE", help="your own round1-*.json")
    for step in (one, two):
        desks.add_agreement(step)
    for step in (session, one, relay, two, certify, finish):
        desks.add_out(step)
    desks.show_examples(kinds, _EXAMPLES)


def _session(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    plan, register = desks.plan_and_register(arguments, "trustee")
    session = dkg.make_session(plan, register, desk.entropy(NONCE_BYTES))
    desks.write_public(arguments.out / "dkg-session.json", papers.to_bytes(session))
    _show_session(session)
    print("next: carry dkg-session.json to every trustee; each runs kit-ceremony dkg round1")
    return OK


def _round1(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    session = desks.read_paper(arguments.session, DkgSession)
    _show_session(session)
    desks.agree(arguments, "the session's fingerprint", papers.sha256_of(session))
    key = desks.held_key(arguments, "trustee")
    message = dkg.round_one(session, key, desk.entropy)
    name = f"round1-{desks.file_name(key.owner.id)}.json"
    desks.write_public(arguments.out / name, papers.to_bytes(message))
    print(f"next: keep {name}, and carry a copy to the coordinator")
    return OK


def _relay(arguments: argparse.Namespace) -> int:
    session = desks.read_paper(arguments.session, DkgSession)
    given = desks.read_papers(arguments.files, RoundOne, "round1-*.json")
    messages = dkg.gather(session, (message for _, message in given))
    desks.write_public(arguments.out / "dkg-messages.json", papers.to_bytes(messages))
    print(f"messages of all {len(session.trustees)} trustees are there and prove what they must")
    print("next: carry dkg-messages.json, the same to every trustee; each runs kit-ceremony dkg round2")
    return OK


def _round2(arguments: argparse.Namespace) -> int:
    session, key, seen = _seen(arguments)
    print(f"fingerprint of the transcript: {papers.groups(seen.transcript_sha256)}")
    print(f"fingerprint of the election key: {papers.fingerprint(to_x25519(seen.outcome.public.group_key))}")
    desks.agree(arguments, "the transcript's fingerprint", seen.transcript_sha256)
    name = f"round2-{desks.file_name(key.owner.id)}.json"
    desks.write_public(arguments.out / name, papers.to_bytes(dkg.sign_transcript(session, seen, key)))
    print(f"next: carry {name} to the coordinator. You have no share yet: that comes with dkg finish")
    return OK


def _certify(arguments: argparse.Namespace) -> int:
    session = desks.read_paper(arguments.session, DkgSession)
    messages = desks.read_paper(arguments.messages, DkgMessages)
    given = desks.read_papers(arguments.files, RoundTwo, "round2-*.json")
    certificate = dkg.certify(session, messages, (signed for _, signed in given))
    desks.write_public(arguments.out / "dkg-certificate.json", papers.to_bytes(certificate))
    print(f"all {len(session.trustees)} trustees signed the same transcript")
    print("next: carry dkg-certificate.json to every trustee; each runs kit-ceremony dkg finish")
    return OK


def _finish(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    session, key, seen = _seen(arguments)
    certificate = desks.read_paper(arguments.certificate, DkgCertificate)
    if certificate.session != session:
        raise CeremonyRefusedError(f"{arguments.certificate}: is of another session than {arguments.session}")
    share, keys = dkg.finish(certificate, seen, key)
    if arguments.share_passphrase_file is not None:
        arguments.passphrase_file = arguments.share_passphrase_file
    passphrase = desks.passphrase(
        arguments, f"the share of trustee {key.owner.id}", new_min=share_file.PASSPHRASE_MIN
    )
    cost = desks.cost_of(arguments)
    data = share_file.seal_share(
        share,
        keys,
        passphrase,
        election=session.election,
        round_number=session.round,
        salt=desk.entropy(SALT_BYTES),
        nonce=desk.entropy(AEAD_NONCE_BYTES),
        cost=cost,
    )
    name = desks.file_name(key.owner.id)
    path = arguments.out / f"share-{name}.json"
    desks.write_secret(path, data)
    again = share_file.open_share(
        desks.read(path),
        passphrase,
        election=session.election,
        round_number=session.round,
        election_key=keys.x25519_public,
    )
    if again != (share, keys):
        raise CeremonyRefusedError(f"{path} does not open again: this machine is at fault; take another")
    desks.write_public(
        arguments.out / f"confirm-{name}.json", papers.to_bytes(dkg.confirm(certificate, key, cost))
    )
    if desks.is_weak(cost.operations, cost.memory_kib):
        print("NOTE: low cost: this share is protected for rehearsals only", file=sys.stderr)
    print(f"you hold share {share.trustee} of {len(keys.shares)}; {keys.threshold} open together")
    print(f"fingerprint of the election key: {papers.fingerprint(keys.x25519_public)}")
    print(
        f"next: carry confirm-{name}.json to the coordinator; put the share away. Whoever has {arguments.key} with its "
        "passphrase and the public files can make the share again: keep it as a backup in another safe, or destroy it"
    )
    return OK


def _seen(arguments: argparse.Namespace) -> tuple[DkgSession, HeldKey, Seen]:
    """What the trustee works out anew at every step from the public papers and the static key."""
    session = desks.read_paper(arguments.session, DkgSession)
    messages = desks.read_paper(arguments.messages, DkgMessages)
    sent = desks.read_paper(arguments.sent, RoundOne)
    key = desks.held_key(arguments, "trustee")
    return session, key, dkg.round_two(session, messages, key, sent)


def _show_session(session: DkgSession) -> None:
    print(f"key generation for election {session.election} round {session.round}, election key {session.kid}")
    print(f"any {session.threshold} of these {len(session.trustees)} trustees will open:")
    for seat, one in enumerate(session.trustees, 1):
        print(f"  {seat}. {one.id} ({one.body}), key {papers.fingerprint(codec.unb64(one.static_key))}")
    print(f"fingerprint of the session: {papers.groups(papers.sha256_of(session))}")
    print("Read aloud and compare: your own key's fingerprint, and the session's, which is the same for all.")
