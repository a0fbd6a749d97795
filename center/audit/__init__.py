"""A stranger's audit of a published folder."""
