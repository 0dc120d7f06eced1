"""`make bench`: ratios against peers and against our own plain path, measured side by side in one run."""
