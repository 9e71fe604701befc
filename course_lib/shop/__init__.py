"""The shop: its tables, the simulator, loaders of real data, and measurement."""
