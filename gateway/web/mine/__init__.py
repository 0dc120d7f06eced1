"""What the pages of one person need: their record, their desk, their choices. Nothing here is about anybody else."""
