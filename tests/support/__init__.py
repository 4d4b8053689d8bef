"""What tests share: servers, commands, faults, warehouses. No tests."""
