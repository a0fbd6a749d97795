"""Witnesses: those who vouch, how they are asked, what their lines are worth."""
