"""What the sync must survive: faults of the provider, the network, the process, the host and the warehouse file."""
