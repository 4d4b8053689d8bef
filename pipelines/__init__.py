"""The commands of the warehouse sync; they know warehouses, and no provider by name."""
