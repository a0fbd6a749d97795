"""The opening: what is ordered, who answers, what was inside, what it adds up to."""
