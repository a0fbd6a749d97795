"""Devices: bytes to types (frames), conversations (dialogue, no I/O), thin asyncio drivers. Knows no election."""
