"""A whole polling day with real processes: broker, centre and branches, on loopback and pseudo-terminals."""
