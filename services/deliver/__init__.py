"""Delivery: every ledger entry and every returned refusal to whom it is for, numbered, in order."""
