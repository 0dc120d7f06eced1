"""Time-series stores: projections of the ledger."""
