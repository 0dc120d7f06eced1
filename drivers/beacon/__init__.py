"""Radio beacons and tags."""
