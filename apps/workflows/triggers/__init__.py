"""What starts workflows by itself: moments, calls and events."""
