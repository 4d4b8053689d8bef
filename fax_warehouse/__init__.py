"""The one command `fax-warehouse`. In a wheel, this package also holds the folders of the repository."""
