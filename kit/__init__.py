"""The branch daemon (kitd) and the technician's CLI (kitctl)."""
