"""Who is asked and how: options, models, endpoints, HTTP, money."""
