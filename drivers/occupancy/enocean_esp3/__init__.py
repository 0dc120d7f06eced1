"""EnOcean over ESP3: how a telegram is cut and read, and what its bytes mean by equipment profile."""
