"""REST resources for backends, one file each."""
