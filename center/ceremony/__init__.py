"""The key ceremony: who makes the election's keys, and how the manifest that all believe comes to be signed.

Everything moves as files between machines without a network. Nothing here opens a socket, reads a clock or draws
entropy: ``center/cli/ceremony_desk.py`` does the last two.
"""
