"""`hadir survey`: the calibration walk from which a floor's radio map is learned."""
