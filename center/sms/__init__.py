"""The centre's gateway of short messages: parts in, envelopes to centerd, acknowledgements and commands out."""
