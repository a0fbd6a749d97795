"""Which channel, when: health of uplinks, their ranking, and the machine that holds their sessions up."""
