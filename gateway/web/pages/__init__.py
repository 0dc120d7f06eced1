"""Pages that people see, one file each."""
