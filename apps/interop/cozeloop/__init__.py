"""The HTTP surface of the cozeloop SDK: its spans are stored with ours, its prompts are ours."""
