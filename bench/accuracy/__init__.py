"""`make accuracy`: what the rules decide, held against the truth of simulated days, in one table."""
