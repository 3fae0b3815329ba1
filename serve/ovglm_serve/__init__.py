"""The local chat API: OpenAI's wire formats in front of ovglm's engines."""
