"""Real inits in real engines: what the end-to-end tests are made of."""
