"""One's own data: tables as a statistical bureau keeps them, to a Dataset and back."""
