"""Commands to branches: asked for by the centre's people, given and repeated by centerd alone."""
