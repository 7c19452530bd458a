"""The static half: reads source with libcst and executes it abstractly. It never imports torch."""
