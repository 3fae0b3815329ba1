"""The terminal chat: a session that knows no terminal, and the terminal around it."""
