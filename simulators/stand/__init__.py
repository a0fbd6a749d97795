"""A stand for device simulators: one model behind a line that any program can open, scripted while it runs."""
