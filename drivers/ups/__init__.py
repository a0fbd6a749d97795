"""A UPS on a serial line that speaks Megatec/Q1."""
