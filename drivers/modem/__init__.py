"""Mobile modems: one package per way to talk to them, and what they share."""
