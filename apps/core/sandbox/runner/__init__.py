"""What runs inside a locked child. Nothing here is trusted: code can change all of it, and only harms itself.

`prepare` of `python` and of `javascript` is called once, in the zygote, before the lock; it returns the function that
runs one job.
"""
