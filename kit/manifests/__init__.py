"""A newer manifest: judged, kept, adopted before the polls."""
