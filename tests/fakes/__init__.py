"""Servers that stand in for the outside world: real sockets, scripted answers."""
