"""The voting terminal: framing, messages, dialogue and driver of docs/terminal-protocol.md."""
