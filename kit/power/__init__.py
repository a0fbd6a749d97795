"""Power: what the UPS says, and for how long it will last."""
