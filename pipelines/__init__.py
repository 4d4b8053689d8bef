"""The commands, and the warehouse that they load; no file here names a provider."""

from pipelines.config import bootstrap as bootstrap  # sets the environment that dlt reads when it is imported
