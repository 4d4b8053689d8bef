"""Turns records into rows: table declarations, coercion, new fields, tombstones, privacy, the common fax."""
