"""Static HTML, Markdown and text: what a saved notebook contains."""
