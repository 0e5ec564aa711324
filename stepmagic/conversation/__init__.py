"""A conversation, and a turn of it from its draft to its reply."""
