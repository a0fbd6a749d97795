"""A modem on a serial line that speaks 3GPP TS 27.007 (AT commands) and TS 27.005 (SMS in PDU mode)."""
