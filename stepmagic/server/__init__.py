"""The server side of a question: options, models, endpoints, HTTP, costs."""
