"""The plan of a ceremony: who holds which role, and what the manifest will say, before any key exists.

People write TOML, with contests and branches in files beside it. ``read_source`` makes one canonical statement of it
all; the ceremony runs on that, and everybody compares its fingerprint.
"""

import csv
import io
import json
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from center.ceremony.errors import PlanError
from crypto.key_file import Holder
from crypto.statements import (
    BallotStyle,
    BranchEntry,
    Contest,
    Digits,
    Endpoint,
    Schedule,
    Statement,
)
from crypto.wire import MANIFEST_MAX, SIGNATURES_MAX, Id, Sha256

T = TypeVar("T")
LogName = Annotated[str, Meta(min_length=1, max_length=300)]
"""Name of a log or witness whose key is enrolled, or a whole C2SP verifier key ``name+hash+base64``."""

_LISTS: Final = ("terminals", "officials", "standby_devices", "standby_terminals")


class Member(Statement, frozen=True, kw_only=True):
    """A person with a role, and the body that the person stands for."""

    id: Id
    body: Id


class Quorum(Statement, frozen=True, kw_only=True):
    """Any ``threshold`` of the members act together."""

    threshold: Annotated[int, Meta(ge=1, le=64)]
    members: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=64)]


class ManifestQuorum(Quorum, frozen=True, kw_only=True):
    """Who sign the manifest."""

    members: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=SIGNATURES_MAX)]


class Witnesses(Statement, frozen=True, kw_only=True):
    """``m`` of these vouch for the log. 0 of none: nobody does."""

    m: Annotated[int, Meta(ge=0, le=64)] = 0
    names: tuple[LogName, ...] = ()


class Plan(Statement, frozen=True, kw_only=True):
    """All of it. ``trustees`` hold shares of the election key, by the opening that is chosen."""

    type: Literal["ceremony-plan"] = "ceremony-plan"
    election: Id
    round: Digits
    version: Digits = 1
    """Of the manifest: a later manifest of the same election has a greater one."""
    supersedes: Sha256 | UnsetType = UNSET
    """The fingerprint of the manifest before, so that a centre may go by both (crypto.manifest_chain)."""
    kid: Id
    """The name of the election key: one for each round."""
    opening: Literal["trustees", "slip39"] = "trustees"
    trustees: Quorum
    manifest_keys: ManifestQuorum
    commissioners: tuple[Member, ...] = ()
    officials: tuple[Member, ...]
    log: LogName
    witnesses: Witnesses = Witnesses()
    endpoints: tuple[Endpoint, ...] = ()
    schedule: Schedule
    contests: tuple[Contest, ...]
    ballot_styles: tuple[BallotStyle, ...]
    branches: tuple[BranchEntry, ...]


def read_source(path: Path, read: Callable[[Path], bytes]) -> Plan:
    """Read a plan in TOML with the files that it names (relative to its folder); ``read`` gives their bytes.

    Nothing is checked but the form: see ``plan_rules``. Raises PlanError naming file and field.
    """
    try:
        raw = tomllib.loads(_text(read(path)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: not valid TOML: {error}") from error
    raw.setdefault("type", "ceremony-plan")
    if isinstance(raw.get("supersedes"), str):
        raw["supersedes"] = "".join(raw["supersedes"].split())  # as it is read aloud
    for name, from_csv in (("contests", _contests), ("branches", _branches), ("officials", _dicts)):
        if isinstance(raw.get(name), str):
            raw[name] = _table(path.resolve().parent / raw[name], read, from_csv)
    return _convert(raw, path)


def _convert(raw: Mapping[str, Any], path: Path) -> Plan:
    try:
        return msgspec.convert(raw, Plan, strict=True)
    except msgspec.ValidationError as error:
        raise PlanError(f"{path}: {error}: correct the plan") from error


def _table(path: Path, read: Callable[[Path], bytes], from_csv: Callable[[list[dict[str, str]]], Any]) -> Any:
    try:
        text = _text(read(path))
        if path.suffix.lower() == ".csv":
            return from_csv(_rows(text))
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise PlanError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from error
    except (json.JSONDecodeError, csv.Error) as error:
        raise PlanError(f"{path}: cannot be read as a table: {error}") from error
    except KeyError as error:
        raise PlanError(
            f"{path}: there is no column {error}: see docs/ceremony.md for the columns"
        ) from error


def _text(data: bytes) -> str:
    """Names are composed in NFC, as the manifest wants them, whatever the office program wrote."""
    return unicodedata.normalize("NFC", data.decode("utf-8-sig"))


def _rows(text: str) -> list[dict[str, str]]:
    if len(text) > MANIFEST_MAX:
        raise csv.Error(f"longer than {MANIFEST_MAX} characters")
    rows = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text), strict=True), 2):
        if None in row or None in row.values():
            raise csv.Error(f"line {number} has more or fewer fields than the heading")
        rows.append({key: value.strip() for key, value in row.items()})
    return rows


def _dicts(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return rows


def _contests(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Columns contest, title, blank (yes or nothing), code, name: one line for each candidate, in ballot order."""
    contests: dict[str, dict[str, Any]] = {}
    for row in rows:
        contest = contests.setdefault(
            row["contest"],
            {"id": row["contest"], "title": row["title"], "blank": row["blank"] == "yes", "candidates": []},
        )
        if (row["title"], row["blank"] == "yes") != (contest["title"], contest["blank"]):
            raise csv.Error(
                f"contest {row['contest']!r} has two titles, or is with and without blank ballots"
            )
        contest["candidates"].append({"code": row["code"], "name": row["name"]})
    return list(contests.values())


def _branches(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The columns of BranchEntry; what is several stands with spaces between."""
    return [
        {name: value.split() if name in _LISTS else value for name, value in row.items()}
        for row in rows
        if row["id"]
    ]


def people(plan: Plan) -> Iterable[tuple[str, Member]]:
    """Everybody with a role, and the role."""
    yield from (("trustee", one) for one in plan.trustees.members)
    yield from (("manifest", one) for one in plan.manifest_keys.members)
    yield from (("commissioner", one) for one in plan.commissioners)
    yield from (("official", one) for one in plan.officials)


def seats(plan: Plan) -> dict[tuple[str, Holder], Id | None]:
    """Every key that has to be enrolled: role and id, with the body of those who stand for one."""
    wanted: dict[tuple[str, Holder], Id | None] = {
        (role, one.id): one.body
        for role, one in people(plan)
        if role != "trustee" or plan.opening == "trustees"
    }
    for branch in plan.branches:
        wanted |= {("device", one): None for one in branch.all_devices}
        wanted |= {("terminal", one): None for one in branch.all_terminals}
    wanted |= {("log", plan.log): None} if "+" not in plan.log else {}
    wanted |= {("witness", one): None for one in plan.witnesses.names if "+" not in one}
    return wanted
