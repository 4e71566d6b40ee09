"""Array kernels: NumPy in, NumPy out; they import NumPy and numba only."""
