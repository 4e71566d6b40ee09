"""Many regions and scenarios: planned, run region by region, stored, resumed."""
