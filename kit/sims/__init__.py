"""Modems with two SIMs: when the kit changes over to the other one."""
