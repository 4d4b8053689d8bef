"""The commands of the warehouse sync; they know warehouses, and no provider by name."""

from pipelines.config import bootstrap as bootstrap  # sets the environment that dlt reads when it is imported
