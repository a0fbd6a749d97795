"""What all facts are made of."""

from typing import Annotated

from msgspec import Meta, Struct

from crypto.wire import Rfc3339

Text = Annotated[str, Meta(max_length=500)]


class FactBase(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="fact"):
    """Base of facts: frozen, strict, tagged. ``at`` is the wall time that the core reckons with, RFC 3339 UTC."""

    at: Rfc3339
