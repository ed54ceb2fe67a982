"""What several node types share: pure functions and configuration parts, no node types of their own."""
