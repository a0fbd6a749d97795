"""Stand-ins for what a branch is connected to: sans-I/O models, and the wrappers that give them a line."""
