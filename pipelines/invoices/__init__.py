"""Invoices held against the warehouse: their lines, the faxes of the period, and every cent of the difference."""
