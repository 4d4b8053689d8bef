"""The tests: rooms as in the house, what several of them use in `support`, and faults and benchmarks of their own."""
