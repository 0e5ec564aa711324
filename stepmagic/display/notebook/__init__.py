"""Answers in a notebook: one output, updated while the answer is being received."""
