"""`hadir demo`: a simulated office on real parts, and an honest account of how it went."""
