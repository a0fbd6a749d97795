"""The polling day: phases, orders, terminals, reports, schedule."""
