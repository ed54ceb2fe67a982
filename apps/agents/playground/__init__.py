"""The language of the playground, in plain Python: messages, parameters, and what stored observations say of both."""
