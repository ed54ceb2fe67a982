"""The node types of the product, one file each, and the open registry of all."""
