"""The place of the local chat API; this version has no server yet."""
