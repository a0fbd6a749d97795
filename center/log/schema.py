"""The tables of the ledger, and how an older ledger is brought up to date: by adding, never by rewriting.

Leaves of the log stand in two tables, envelopes of branches and acts of the centre, that share one count of leaves.
"""

from typing import Final

SCHEMA_VERSION: Final = 3
WITNESSES_SINCE: Final = 2  # the first version with cosignatures
ACTS_SINCE: Final = 3  # the first version with acts
VERSIONS: Final = range(1, SCHEMA_VERSION + 1)
"""All are read as they are; the writer adds what is missing."""

_ENVELOPES: Final = """
CREATE TABLE identity (election TEXT NOT NULL, round INTEGER NOT NULL, origin TEXT NOT NULL) STRICT;
CREATE TABLE envelopes (
  leaf INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  branch TEXT NOT NULL,
  device TEXT NOT NULL,
  unit TEXT NOT NULL,
  type TEXT NOT NULL,
  seq INTEGER NOT NULL,
  prev TEXT,
  received_at TEXT NOT NULL,
  flags TEXT NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX envelopes_unit ON envelopes (unit, type);
CREATE INDEX envelopes_chain ON envelopes (device, seq);
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL, signed_at TEXT NOT NULL) STRICT;
CREATE TABLE rejected (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 TEXT NOT NULL,
  topic TEXT NOT NULL,
  reason TEXT NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  times INTEGER NOT NULL,
  UNIQUE (sha256, topic)
) STRICT;
CREATE TRIGGER envelopes_never_change BEFORE UPDATE ON envelopes BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER envelopes_never_go BEFORE DELETE ON envelopes BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER checkpoints_never_change BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER checkpoints_never_go BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""

_COSIGNATURES: Final = """
CREATE TABLE cosignatures (
  size INTEGER NOT NULL REFERENCES checkpoints,
  witness TEXT NOT NULL,
  line TEXT NOT NULL,
  received_at TEXT NOT NULL,
  PRIMARY KEY (witness, size)
) STRICT;
CREATE INDEX cosignatures_size ON cosignatures (size);
"""

_ACTS: Final = """
CREATE TABLE IF NOT EXISTS acts (
  leaf INTEGER PRIMARY KEY,
  sha256 TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  number INTEGER NOT NULL,
  subject TEXT NOT NULL,
  received_at TEXT NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (type, number)
) STRICT;
CREATE INDEX IF NOT EXISTS acts_subject ON acts (type, subject, number);
CREATE TRIGGER IF NOT EXISTS acts_never_change BEFORE UPDATE ON acts BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS acts_never_go BEFORE DELETE ON acts BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS acts_take_no_leaf BEFORE INSERT ON acts
  WHEN EXISTS (SELECT 1 FROM envelopes WHERE leaf = NEW.leaf) BEGIN SELECT RAISE(ABORT, 'leaf is taken'); END;
CREATE TRIGGER IF NOT EXISTS envelopes_take_no_leaf BEFORE INSERT ON envelopes
  WHEN EXISTS (SELECT 1 FROM acts WHERE leaf = NEW.leaf) BEGIN SELECT RAISE(ABORT, 'leaf is taken'); END;
"""

_STEPS: Final = (_ENVELOPES, _COSIGNATURES, _ACTS)  # step n makes version n + 1 of version n


def steps_from(version: int) -> str:
    """The SQL that makes a ledger of the newest version of one of ``version``, 0 for an empty file."""
    return "".join(_STEPS[version:]) + f"PRAGMA user_version = {SCHEMA_VERSION};"
