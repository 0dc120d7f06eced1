"""The daemons: everything that does I/O, knows the time or the user's configuration."""
