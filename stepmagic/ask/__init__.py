"""Every way to ask from Python: one question, several side by side, many rows."""
