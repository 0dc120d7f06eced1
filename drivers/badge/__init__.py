"""Badge readers."""
