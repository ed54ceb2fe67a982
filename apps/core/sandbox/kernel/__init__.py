"""Thin, typed access to what the Linux kernel offers for confinement; ctypes only, no compiler and no library."""
