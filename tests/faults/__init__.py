"""Small forms of the suites."""
