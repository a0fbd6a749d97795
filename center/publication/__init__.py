"""The folder that strangers read: its layout, its writer, its readers."""
