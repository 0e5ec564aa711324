"""Static HTML, Markdown and text: what an output holds in the end."""
