"""Commands of the centre: judged, followed, bounded."""
