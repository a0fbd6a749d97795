"""Short messages as octets (3GPP TS 23.040): addresses, alphabets, TPDUs. No modem, no clock."""
