"""UPSes: on a serial line (Megatec/Q1, Voltronic-QS), or behind a server of Network UPS Tools (``nut``)."""
