"""Tests of a record on its way to rows: coercion, new fields, problems, privacy."""
