"""Tapes as dots: what officials and candidates' agents read, sign and carry home, and what machines read back."""
