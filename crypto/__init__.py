"""Evidence: formats, keys, seals, logs and receipts. Nothing here reads a clock, draws entropy or does I/O."""
