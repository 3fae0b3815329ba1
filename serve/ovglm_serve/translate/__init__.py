"""From wire formats to what ovglm understands, and back. Runs nothing."""
