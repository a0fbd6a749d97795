"""The network laboratory: a branch and its centre in namespaces of their own, and whatever can happen between them.

    half.py        the whole kitd of a branch, told by a line to seal its next tally
    lab.py         the namespaces, the broker, the centre, and the branches with their links
    cable.py       a link over a pair of virtual Ethernet interfaces, and what nftables and tc do to it
    air.py         a link over two TUN interfaces; relay.py, a process of its own, carries its packets
    servers.py     who else answers there: name servers, captive portals

The kernel needs no netem. Everything is undone at the end of a lab, however it ends.
"""
