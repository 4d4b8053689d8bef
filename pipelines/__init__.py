"""The commands of the warehouse sync; they know warehouses, and no provider by name."""

from pipelines import project as project  # sets the environment that dlt reads when it is imported
