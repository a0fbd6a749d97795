"""Models of devices, each one sans-I/O: behind a pseudo-terminal for programs, behind a pipe for worlds."""
