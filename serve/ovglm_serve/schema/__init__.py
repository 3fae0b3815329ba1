"""The wire formats: what clients send, checked, and what they get."""
