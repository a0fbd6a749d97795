"""How things come in: judged, made durable, answered."""
