"""The pages of the documentation that set the library beside published results."""
