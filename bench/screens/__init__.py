"""A simulated office with days behind it, for pictures of pages and for browser tests."""
