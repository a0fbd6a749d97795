"""``kit-ceremony manifest`` and ``escrow``: the manifest, its signatures, and plan B for the election key."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from center.ceremony import assembling, dkg, escrow, papers, signing
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.escrow import EscrowRecord
from center.ceremony.papers import Confirmation, DkgCertificate
from center.ceremony.plan import Plan
from center.ceremony.summary import manifest_lines
from center.cli import ceremony_desk as desks
from center.cli.ceremony_desk import Desk
from center.cli.command import OK, WARNING, Commands
from center.errors import ConfigError
from center.opening import slip39
from crypto import codec, hpke, manifest_chain
from crypto.errors import ManifestError
from crypto.identity import key_id
from crypto.manifest import TrustedManifest
from crypto.statements import ElectionKey, Manifest

_EXAMPLES: Final = """examples:
  kit-ceremony manifest build --plan plan.json --enrolments enrolments.json \\
      --certificate dkg-certificate.json --confirmations confirm-*.json      writes manifest.json, unsigned
  kit-ceremony manifest build --plan plan.json --enrolments enrolments.json --escrow escrow.json
  kit-ceremony manifest check manifest.json --plan plan.json --enrolments enrolments.json \\
      --certificate dkg-certificate.json --confirmations confirm-*.json      a signer builds it again and compares
  kit-ceremony manifest show manifest.json --all                             what it says, to the last key
  kit-ceremony manifest sign manifest.json --key manifest-board-1.key        each holder, at their own machine
  kit-ceremony manifest merge manifest-*.dsse.json                           writes manifest.dsse.json
  kit-ceremony manifest verify --manifest manifest.dsse.json --plan plan.json --enrolments enrolments.json
  kit-ceremony manifest verify --manifest manifest-2.dsse.json --earlier manifest-1.dsse.json ...
"""
_ESCROW_EXAMPLES: Final = """examples:
  kit-ceremony escrow new --plan plan.json --out stick
  kit-ceremony escrow check --manifest manifest.dsse.json --plan plan.json --enrolments enrolments.json slip39-*.txt

For elections whose plan says opening = "slip39": ONE machine has the whole key for a moment, and again whenever enough
shares are brought together. The manifest and all totals say so. It is never a fallback for trustees.
"""


def add(commands: Commands) -> None:
    """Add the commands to the parser of ``kit-ceremony``."""
    manifest = commands.add_parser(
        "manifest",
        help="build, show, sign and verify the manifest",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = manifest.add_subparsers(dest="kind", required=True, metavar="WHAT")
    build = kinds.add_parser("build", help="coordinator: put plan, keys and election key together")
    build.add_argument(
        "--issued-at", metavar="TIME", help="2027-01-01T00:00:00Z; default: this machine's clock"
    )
    desks.add_out(build)
    build.set_defaults(run=_build)
    check = kinds.add_parser("check", help="anybody: is it what plan, enrolments and election key give?")
    check.add_argument("file", type=Path, metavar="FILE")
    check.set_defaults(run=_check)
    for step in (build, check):
        desks.add_plan(step)
        step.add_argument("--enrolments", type=Path, required=True, metavar="FILE")
        step.add_argument("--certificate", type=Path, metavar="FILE", help="dkg-certificate.json")
        step.add_argument("--confirmations", type=Path, nargs="+", metavar="FILE|DIR", help="confirm-*.json")
        step.add_argument(
            "--escrow", type=Path, metavar="FILE", help="escrow.json, where the plan says slip39"
        )
    show = kinds.add_parser("show", help="what a manifest says, signed or not; signatures are not verified")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("--all", action="store_true", help="with candidates, branches and every key")
    show.set_defaults(run=_show)
    sign = kinds.add_parser("sign", help="holder of a manifest key: read it, then sign it")
    sign.add_argument(
        "file", type=Path, metavar="FILE", help="manifest.json, or one that others signed already"
    )
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="your manifest-*.key")
    desks.add_passphrase(sign)
    desks.add_agreement(sign)
    desks.add_out(sign)
    sign.set_defaults(run=_sign)
    merge = kinds.add_parser("merge", help="coordinator: put signatures together")
    merge.add_argument("files", type=Path, nargs="+", metavar="FILE")
    desks.add_out(merge)
    merge.set_defaults(run=_merge)
    verify = kinds.add_parser("verify", help="as every branch and the centre will verify it")
    desks.add_trust(verify)
    verify.add_argument(
        "--earlier",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="signed manifests before it: its chain",
    )
    verify.set_defaults(run=_verify)
    desks.show_examples(kinds, _EXAMPLES)
    _add_escrow(commands)


def _add_escrow(commands: Commands) -> None:
    parser = commands.add_parser(
        "escrow",
        help="plan B: one key, in SLIP-39 shares",
        epilog=_ESCROW_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    new = kinds.add_parser("new", help="make the key and write its shares")
    desks.add_plan(new)
    desks.add_out(new)
    new.set_defaults(run=_escrow_new)
    check = kinds.add_parser(
        "check", help="do these shares restore the manifest's key? (Together they ARE the key)"
    )
    check.add_argument("files", type=Path, nargs="+", metavar="FILE", help="slip39-*.txt")
    desks.add_trust(check)
    check.set_defaults(run=_escrow_check)
    desks.show_examples(kinds, _ESCROW_EXAMPLES)


def _build(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    now = datetime.fromtimestamp(desk.wall_ms() // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = _assembled(arguments, arguments.issued_at or now)
    data = codec.to_bytes(manifest)
    desks.write_public(arguments.out / "manifest.json", data)
    desks.tell(manifest_lines(manifest, codec.sha256_hex(data)))
    print(
        "next: carry manifest.json to the holders of manifest keys; each reads it, then kit-ceremony manifest sign"
    )
    return OK


def _check(arguments: argparse.Namespace) -> int:
    draft = signing.read_draft(desks.read(arguments.file), str(arguments.file))
    expected = codec.to_bytes(_assembled(arguments, draft.manifest.issued_at))
    if expected != draft.payload:
        raise CeremonyRefusedError(
            f"{arguments.file}: is not what plan, enrolments and election key give: do not sign it; ask the "
            "coordinator what was changed, and compare the plan's and all keys' fingerprints"
        )
    print(f"GOOD: manifest {papers.groups(draft.sha256)} is what plan, enrolments and election key give")
    return OK


def _assembled(arguments: argparse.Namespace, issued_at: str) -> Manifest:
    plan, register = desks.plan_and_register(arguments)
    desks.check_plan(plan)
    if register.missing:
        role, one = register.missing[0]
        raise CeremonyRefusedError(
            f"{role} {one!r} (of {len(register.missing)}) is not enrolled: run kit-ceremony enrol"
        )
    return assembling.assemble(plan, register.keys, _election_key(arguments, plan), issued_at)


def _election_key(arguments: argparse.Namespace, plan: Plan) -> ElectionKey:
    if plan.opening == "slip39":
        if arguments.escrow is None:
            raise ConfigError("the plan says opening = 'slip39': give --escrow escrow.json")
        return escrow.election_key(plan, desks.read_paper(arguments.escrow, EscrowRecord))
    if arguments.certificate is None or arguments.confirmations is None:
        raise ConfigError(
            "the plan says opening = 'trustees': give --certificate and --confirmations of all trustees"
        )
    certificate = desks.read_paper(arguments.certificate, DkgCertificate)
    session = certificate.session
    planned = [(one.id, one.body) for one in plan.trustees.members]
    if (session.election, session.round, session.kid, session.threshold) != (
        plan.election,
        plan.round,
        plan.kid,
        plan.trustees.threshold,
    ) or [(one.id, one.body) for one in session.trustees] != planned:
        raise CeremonyRefusedError(
            f"{arguments.certificate}: its session is not the one of this plan (other election, round, key, threshold "
            "or trustees): take the right file, or hold a new session"
        )
    given = desks.read_papers(arguments.confirmations, Confirmation, "confirm-*.json")
    for one in dkg.check_confirmations(certificate, (paper for _, paper in given)):
        if desks.is_weak(one.operations, one.memory_kib):
            print(
                f"NOTE: the share of {one.trustee} is protected for rehearsals only (low cost), no real election",
                file=sys.stderr,
            )
    return dkg.election_key(certificate)


def _show(arguments: argparse.Namespace) -> int:
    draft = signing.read_draft(desks.read(arguments.file), str(arguments.file))
    desks.tell(manifest_lines(draft.manifest, draft.sha256, everything=arguments.all))
    if draft.signed is None:
        print("not signed")
    else:
        print("key ids on it, NOT verified here: " + ", ".join(signing.signers(draft.signed, {})))
    return OK


def _sign(arguments: argparse.Namespace) -> int:
    draft = signing.read_draft(desks.read(arguments.file), str(arguments.file))
    desks.tell(manifest_lines(draft.manifest, draft.sha256))
    key = desks.held_key(arguments, "manifest")
    signed = signing.sign(draft, key)
    desks.agree(arguments, "the manifest's fingerprint", draft.sha256)
    name = f"manifest-{desks.file_name(key.owner.id)}.dsse.json"
    desks.write_public(arguments.out / name, signed.to_bytes())
    print(f"signed by {key.owner.id}; signatures on it now: {len(signed.signatures)}")
    print(f"next: carry {name} to the coordinator, who runs kit-ceremony manifest merge")
    return OK


def _merge(arguments: argparse.Namespace) -> int:
    drafts = ((str(path), signing.read_draft(desks.read(path), str(path))) for path in arguments.files)
    merged = signing.merge(drafts)
    desks.write_public(arguments.out / "manifest.dsse.json", merged.to_bytes())
    print(f"{len(merged.signatures)} signatures, not verified yet")
    print("next: kit-ceremony manifest verify; then the manifest goes to the centre and to every branch")
    return OK


def _verify(arguments: argparse.Namespace) -> int:
    trusted = desks.trusted_manifest(arguments)
    desks.tell(manifest_lines(trusted.manifest, trusted.sha256))
    print("GOOD: signed as it must be, and consistent")
    if arguments.earlier:
        desks.tell(_chain_lines(trusted, arguments))
    if arguments.plan is not None and arguments.enrolments is not None:
        plan, register = desks.plan_and_register(arguments, "manifest")
        print("for the configuration of the centre and of branches:")
        print(f"[trust]\nthreshold = {plan.manifest_keys.threshold}\nmanifest_keys = [")
        for one, public in desks.manifest_keys(register).items():
            print(f'  "{codec.b64(public)}",  # {one}, key id {key_id(public)}')
        print("]")
    return OK


def _chain_lines(newest: TrustedManifest, arguments: argparse.Namespace) -> Iterator[str]:
    """What becomes of branches that open under a manifest before; raises CeremonyRefusedError."""
    earlier = [
        desks.trusted_manifest(argparse.Namespace(**(vars(arguments) | {"manifest": path})))
        for path in arguments.earlier
    ]
    try:
        chain = manifest_chain.linked(newest, earlier)
    except ManifestError as error:
        raise CeremonyRefusedError(str(error)) from error
    yield f"a chain of {len(earlier) + 1} manifests: what is sealed under any of them counts, but where it says below"
    yield from (f"  refused under {one}" for one in manifest_chain.withdrawals(chain))


def _escrow_new(arguments: argparse.Namespace) -> int:
    desk: Desk = arguments.desk
    plan = desks.read_paper(arguments.plan, Plan)
    desks.check_plan(plan)
    record, texts = escrow.make(plan, desk.entropy(hpke.KEY_BYTES))
    for holder, text in texts.items():
        desks.write_secret(arguments.out / f"slip39-{desks.file_name(holder)}.txt", text.encode())
    desks.write_public(arguments.out / "escrow.json", papers.to_bytes(record))
    print(f"PLAN B: any {record.threshold} of {len(record.holders)} shares ARE the key, in one machine")
    print(f"fingerprint of the election key: {papers.fingerprint(codec.unb64(record.public_key))}")
    print(
        "next: hand each share to its holder in a sealed envelope; erase this folder and switch the machine off; carry "
        "escrow.json to kit-ceremony manifest build --escrow"
    )
    return OK


def _escrow_check(arguments: argparse.Namespace) -> int:
    trusted = desks.trusted_manifest(arguments)
    key = trusted.manifest.election_key
    if key.opening != "slip39":
        raise CeremonyRefusedError(
            f"the manifest's election key {key.kid!r} is opened by {key.opening!r}: no SLIP-39"
        )
    texts = [
        slip39.words_of(desks.read(path, slip39.SHARE_TEXT_MAX).decode("utf-8", "replace"), str(path))
        for path in arguments.files
    ]
    slip39.restore(texts, trusted.election_public_key)
    asked = {slip39.threshold_of(words) for words in texts}
    if key.escrow is None or asked != {key.escrow.threshold}:
        raise CeremonyRefusedError(
            f"{min(asked)} of these shares restore the key, which is not what the manifest says: fewer people could "
            "open than everybody believes; make a new key, and ask who made this one"
        )
    print(
        f"GOOD: these shares restore election key {key.kid}. This machine had the whole key: switch it off now"
    )
    return WARNING
