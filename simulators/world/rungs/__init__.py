"""Worlds in which only links break, thick around sealing, and one rung of each branch lives from some instant on."""
