"""Pure: readings and the passing of time become events."""
