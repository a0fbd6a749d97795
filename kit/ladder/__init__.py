"""The ladder: when an envelope that nobody acknowledged goes out by SMS too, and when people must carry it."""
