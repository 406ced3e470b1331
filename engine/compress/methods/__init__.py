"""How the numbers of a layer are chosen, apart from how they are written: calibration, preparing, rounding."""
