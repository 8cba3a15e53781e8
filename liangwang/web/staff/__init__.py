"""The workbench of offices: inbox, one-screen decisions, incidents, re-engineering, orders, the audit log."""
