"""What the ledger says to others: events after a cursor, a day's acts, and how far all of it is complete."""
