"""Whole worlds in virtual time: the real daemon, drivers, aiomqtt and centre, on a seeded clock, net and disk."""
