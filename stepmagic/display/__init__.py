"""How an answer looks, in a notebook or a terminal."""
