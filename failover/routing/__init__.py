"""Routing: each uplink has an interface, a routing table of its own and rules, whatever the kernel calls them today.

The planner is sans-I/O (``find``, ``plan``, ``paths``, ``teller``); ``netlink`` and ``shell`` are the only files of the
failover package that touch a kernel.
"""
