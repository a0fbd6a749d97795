"""The rung of SMS on the kit's side: parts out, parts in."""
