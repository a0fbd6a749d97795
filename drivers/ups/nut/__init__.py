"""A UPS that Network UPS Tools look after: a client of ``upsd`` over TCP (RFC 9271)."""
