"""What nodes know as ports, on the parts of the product below."""
