"""The edges of a world: virtual time, simulated sockets, disk, clocks and broker, all from one seed."""
