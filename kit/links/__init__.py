"""Uplinks as people see them: what lines are like, why which one is preferred, what probes have cost."""
