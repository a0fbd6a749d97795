"""The tables of the configuration, one concept a file, and what no single key shows."""
