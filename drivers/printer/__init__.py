"""A receipt printer that speaks ESC/POS, on a serial line, on USB or on the network."""
