"""The configuration of the centre: one TOML file, checked to the last key, and the files that it names."""

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from center import pruning
from center.broker_door import IN_THE_CLEAR, BrokerTable, Door, check_table, open_door, rooted
from center.errors import ConfigError
from center.files import check_secret
from center.log.ledger import LEDGER_NAME
from center.witness.address import WitnessAddress, check_url
from crypto import codec, election_key_rules, manifest, manifest_chain
from crypto.errors import EvidenceError
from crypto.identity import SigningKey, check_public, key_id
from crypto.manifest import TrustedManifest
from crypto.notes import CosignatureVerifier, NoteSigner
from crypto.wire import B64, MANIFEST_MAX, Id
from drivers.tls_settings import TlsSettings

CONFIG_MAX: Final = 64 * 1024  # bytes
KEY_BYTES: Final = 32  # a key file holds exactly the raw key
PATH_MAX: Final = 4096  # characters
TRUSTED_MAX: Final = 16  # manifest keys
WITNESSES_MAX: Final = 64  # witnesses that are asked

ClientId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,22}\Z")]
"""MQTT client id: 1 to 23 characters (MQTT 3.1.1 §3.1.3.1), never with ``/`` or ``+``."""
Place = Annotated[str, Meta(min_length=1, max_length=PATH_MAX)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all tables of the file: strict."""


class TrustedKey(_Section, frozen=True, kw_only=True):
    """A manifest key, base64 of the raw Ed25519 public key; ``key_id``, if given, guards against mix-ups."""

    public_key: B64
    key_id: str | None = None


class Trust(_Section, frozen=True, kw_only=True):
    """Who may sign manifests: ``threshold`` of these keys, given as base64 or as table with ``key_id``."""

    threshold: Annotated[int, Meta(ge=1, le=TRUSTED_MAX)]
    manifest_keys: Annotated[tuple[B64 | TrustedKey, ...], Meta(min_length=1, max_length=TRUSTED_MAX)]


class SmsSection(_Section, frozen=True, kw_only=True):
    """What is otherwise for ``center sms`` than for centerd."""

    broker: BrokerTable | None = None
    """How the gateway gets in at the broker; None: as centerd does."""


class Witness(_Section, frozen=True, kw_only=True):
    """A witness of the manifest's policy: where to ask it, and its verifier key as in the manifest."""

    url: Annotated[str, Meta(min_length=1, max_length=PATH_MAX)]
    vkey: Annotated[str, Meta(min_length=1, max_length=300)]


class Keeping(_Section, frozen=True, kw_only=True):
    """How much stays of the results of commands; what goes is written into the log (center.pruning)."""

    sms_done: Annotated[int, Meta(ge=pruning.FLOOR, le=100_000)] = 2_000
    """Commands that went out by SMS or could not: files in ``sms/done``."""
    sms_done_days: Annotated[int, Meta(ge=1, le=36_500)] = 180
    refused_commands: Annotated[int, Meta(ge=pruning.FLOOR, le=100_000)] = 2_000
    """Requests that became no command: files in ``commands/refused``."""
    refused_commands_days: Annotated[int, Meta(ge=1, le=36_500)] = 180

    @property
    def done(self) -> pruning.Keep:
        """Of ``sms/done``."""
        return pruning.Keep(self.sms_done, self.sms_done_days)

    @property
    def refused(self) -> pruning.Keep:
        """Of ``commands/refused``."""
        return pruning.Keep(self.refused_commands, self.refused_commands_days)


class Config(_Section, frozen=True, kw_only=True):
    """The whole file. Relative paths are relative to the file's folder."""

    state_dir: Place
    manifest: Place
    earlier_manifests: Annotated[tuple[Place, ...], Meta(max_length=manifest_chain.EARLIER_MAX)] = ()
    """Those before it, under which branches may have opened: what they seal is taken too (crypto.manifest_chain)."""
    log_key: Place
    trust: Trust
    broker: BrokerTable | None = None
    sms: SmsSection = SmsSection()
    client_id: ClientId = "centerd"
    rehearsal: bool = False
    """Whether an election key that one person holds is put up with: for rehearsals and tests alone."""
    witnesses: Annotated[tuple[Witness, ...], Meta(max_length=WITNESSES_MAX)] = ()
    keep: Keeping = Keeping()


_KEEP: Final = Keeping()


@dataclass(frozen=True, slots=True)
class Setup:
    """What centerd runs on, all files read and checked."""

    state_dir: Path
    ledger_path: str
    manifest: TrustedManifest
    signer: NoteSigner
    host: str
    port: int
    client_id: Id
    door: Door = IN_THE_CLEAR
    witnesses: tuple[WitnessAddress, ...] = ()
    keep: Keeping = _KEEP


def load_config(path: Path) -> Config:
    """Read and check a configuration; paths in it come back absolute.

    Raises ConfigError naming file, key and what to do.
    """
    try:
        raw = tomllib.loads(_read(path, CONFIG_MAX).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        config = msgspec.convert(raw, Config, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_explain(str(error))}") from error
    folder = path.resolve().parent
    check_table(config.broker, "broker")
    check_table(config.sms.broker, "sms.broker")
    return msgspec.structs.replace(
        config,
        state_dir=str(folder / config.state_dir),
        manifest=str(folder / config.manifest),
        earlier_manifests=tuple(str(folder / one) for one in config.earlier_manifests),
        log_key=str(folder / config.log_key),
        broker=rooted(config.broker, folder),
        sms=SmsSection(broker=rooted(config.sms.broker, folder)),
    )


def ledger_path(config: Config) -> Path:
    """Where the ledger is."""
    return Path(config.state_dir) / LEDGER_NAME


def load_manifest(config: Config) -> TrustedManifest:
    """Read the manifest, and those before it, and verify each by the trusted keys; raises ConfigError."""
    return load_chain(config)[0]


def load_chain(config: Config) -> tuple[TrustedManifest, dict[str, bytes]]:
    """As ``load_manifest``, with the signed bytes of every manifest by its fingerprint."""
    data, newest = load_manifest_bytes(config)
    files = {newest.sha256: data}
    earlier = []
    for path in config.earlier_manifests:
        data, one = load_manifest_bytes(msgspec.structs.replace(config, manifest=path))
        files[one.sha256] = data
        earlier.append(one)
    try:
        return manifest_chain.linked(newest, earlier), files
    except EvidenceError as error:
        raise ConfigError(f"earlier_manifests: {error}") from error


def load_manifest_bytes(config: Config) -> tuple[bytes, TrustedManifest]:
    """The newest manifest alone, verified, and its signed bytes; raises ConfigError."""
    trusted = dict(_trusted_key(key) for key in config.trust.manifest_keys)
    if len(trusted) < config.trust.threshold:
        raise ConfigError(
            f"trust.threshold is {config.trust.threshold}, but only {len(trusted)} different manifest_keys are "
            "given: no manifest could ever be believed"
        )
    data = _read(Path(config.manifest), MANIFEST_MAX)
    try:
        loaded = manifest.load(data, trusted=trusted, threshold=config.trust.threshold)
        election_key_rules.check_holders(loaded.manifest, rehearsal=config.rehearsal)
    except EvidenceError as error:
        raise ConfigError(f"{config.manifest}: {error}") from error
    return data, loaded


def load_setup(config: Config) -> Setup:
    """Read all that centerd needs: the manifest, and the log's key that must be the manifest's.

    Raises ConfigError.
    """
    trusted = load_manifest(config)
    verifier = trusted.log_verifier
    signer = NoteSigner(verifier.name, SigningKey.from_seed(read_key(Path(config.log_key))))
    if signer.vkey != trusted.manifest.log.vkey:
        raise ConfigError(
            f"{config.log_key}: this key signs as {signer.vkey}, but the manifest names the log "
            f"{trusted.manifest.log.vkey}: branches would believe no receipt"
        )
    host, port = address_of(config.broker, config, trusted)
    return Setup(
        state_dir=Path(config.state_dir),
        ledger_path=str(ledger_path(config)),
        manifest=trusted,
        signer=signer,
        host=host,
        port=port,
        client_id=config.client_id,
        door=open_door(config.broker, "broker"),
        witnesses=tuple(_witness(one, trusted) for one in config.witnesses),
        keep=config.keep,
    )


def address_of(table: BrokerTable | None, config: Config, trusted: TrustedManifest) -> tuple[str, int]:
    """Host and port of the broker; raises ConfigError where neither the table nor the manifest names any."""
    if table is not None and table.host is not None and table.port is not None:
        return table.host, table.port
    if not trusted.manifest.endpoints:
        raise ConfigError(
            f"{config.manifest}: the manifest names no endpoint: add a [broker] with host and port"
        )
    first = trusted.manifest.endpoints[0]
    return first.host, first.port


def read_key(path: Path) -> bytes:
    """Read a private key of 32 raw bytes that only its owner may read; raises ConfigError."""
    data = _read(path, KEY_BYTES)
    check_secret(path, "private key")
    if len(data) != KEY_BYTES:
        raise ConfigError(
            f"{path}: a key file holds {KEY_BYTES} raw bytes, this one {len(data)}: take the right file"
        )
    return data


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}): check the path and its permissions"
        ) from error
    if len(data) > max_bytes:
        raise ConfigError(f"{path}: longer than {max_bytes} bytes: not the right file")
    return data


def _trusted_key(given: str | TrustedKey) -> tuple[str, bytes]:
    text = given if isinstance(given, str) else given.public_key
    try:
        public = codec.unb64(text)
        check_public(public)
    except EvidenceError as error:
        raise ConfigError(f"trust.manifest_keys: {text!r}: {error}") from error
    computed = key_id(public)
    if isinstance(given, TrustedKey) and given.key_id not in (None, computed):
        raise ConfigError(f"trust.manifest_keys: the key id of {text} is {computed}, not {given.key_id}")
    return computed, public


def _witness(given: Witness, trusted: TrustedManifest) -> WitnessAddress:
    if given.vkey not in trusted.manifest.witness_policy.witnesses:
        raise ConfigError(
            f"witnesses: {given.vkey}: the manifest names no such witness: its word would count for nobody"
        )
    try:
        check_url(given.url)
    except ValueError as error:
        raise ConfigError(f"witnesses: url: {error}: write http://127.0.0.1:7380") from error
    return WitnessAddress(given.url, given.vkey, CosignatureVerifier(given.vkey))


_TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "trust.manifest_keys": TrustedKey,
    "trust": Trust,
    "broker.tls": TlsSettings,
    "broker": BrokerTable,
    "sms.broker.tls": TlsSettings,
    "sms.broker": BrokerTable,
    "sms": SmsSection,
    "witnesses": Witness,
    "keep": Keeping,
}


def _explain(message: str) -> str:
    """Msgspec names the unknown key and its table; add the key that was probably meant."""
    match = re.search(r"unknown field `([^`]+)`(?: - at `\$\.?([^`]*)`)?", message)
    if match is None:
        return message
    key, table = match[1], match[2] or ""
    section = next((struct for name, struct in _TABLES.items() if table.startswith(name)), Config)
    names = list(section.__struct_fields__)
    near = difflib.get_close_matches(key, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(names)}"
    return f"unknown key {key!r} in {table or 'the top level'}: {hint}"
