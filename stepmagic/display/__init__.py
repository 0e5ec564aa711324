"""How an answer looks, in a notebook, in a terminal or in a saved file."""
