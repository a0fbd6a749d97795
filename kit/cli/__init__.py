"""Command lines: kitd and kitctl."""
