"""Devices: bytes to types (frames), conversations (dialogue, no I/O), thin asyncio drivers. Knows nothing of elections."""
