"""How the centre's programs get in at their broker: the tables of the configuration, and the files that they name."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from center.errors import ConfigError
from center.files import check_secret
from drivers.tls_settings import TlsSettings, complaint

PASSWORD_MAX: Final = 1_024  # bytes of the file
USERNAME_MAX: Final = 256  # characters


class BrokerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[broker]`` of centerd, or ``[sms.broker]`` of the gateway where that gets in otherwise."""

    host: Annotated[str, Meta(min_length=1, max_length=253)] | None = None
    """Where it is, if not at the manifest's first endpoint."""
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    username: Annotated[str, Meta(min_length=1, max_length=USERNAME_MAX)] | None = None
    password_file: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    """One line, for its owner's eyes alone."""
    tls: TlsSettings | None = None
    """None: in the clear, as on one machine."""


@dataclass(frozen=True, slots=True)
class Door:
    """What is needed beside host and port. Without any of it: in the clear, as nobody."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None


IN_THE_CLEAR: Final = Door()


def rooted(table: BrokerTable | None, folder: Path) -> BrokerTable | None:
    """With the paths in it absolute: relative ones begin in the configuration's folder."""
    if table is None:
        return None
    files = ("ca_file", "certificate_file", "key_file")
    tls = table.tls and msgspec.structs.replace(
        table.tls, **{name: _rooted(getattr(table.tls, name), folder) for name in files}
    )
    return msgspec.structs.replace(table, password_file=_rooted(table.password_file, folder), tls=tls)


def check_table(table: BrokerTable | None, where: str) -> None:
    """Raise ConfigError for what no single key shows; ``where``: the table's name."""
    if table is None:
        return
    if (table.host is None) != (table.port is None):
        raise ConfigError(
            f"{where}: has one of host and port: give both, or none for the manifest's endpoint"
        )
    if table.password_file is not None and table.username is None:
        raise ConfigError(f"{where}: password_file without username: give both")
    wrong = "" if table.tls is None else complaint(table.tls)
    if wrong:
        raise ConfigError(f"{where}.tls: {wrong}")


def open_door(table: BrokerTable | None, where: str) -> Door:
    """Read what the table names, and see that TLS can be begun with it; raises ConfigError."""
    if table is None:
        return IN_THE_CLEAR
    if table.tls is not None:
        if table.tls.key_file is not None:
            _open_secret(Path(table.tls.key_file), "private key")
        from drivers.tls import UntrustedError, make_context  # noqa: PLC0415 - only where there is TLS

        try:
            make_context(table.tls)
        except UntrustedError as error:
            raise ConfigError(f"{where}.tls: {error}") from error
    password = None if table.password_file is None else _password(Path(table.password_file))
    return Door(table.username, password, table.tls)


def _rooted(path: str | None, folder: Path) -> str | None:
    return None if path is None else str(folder / path)


def _password(path: Path) -> str:
    _open_secret(path, "password")
    try:
        data = path.read_bytes()
        text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a password: {error}") from error
    if not text or "\n" in text or len(data) > PASSWORD_MAX:
        raise ConfigError(
            f"{path}: a password is one line of at most {PASSWORD_MAX} bytes: take the right file"
        )
    return text


def _open_secret(path: Path, what: str) -> None:
    """Whether nobody but its owner may read it, and we may."""
    try:
        with path.open("rb") as file:
            file.read(1)
        check_secret(path, what)
    except OSError as error:
        raise ConfigError(
            f"{path}: the {what} cannot be read ({error.strerror}): check the path and its permissions"
        ) from error
