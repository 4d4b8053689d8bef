"""The benchmark: this sync beside a floor written by hand and dlt's own source, and what a quiet run costs."""
