"""Sources bring bytes from one medium each."""
