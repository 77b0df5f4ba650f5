"""Admission: every submission gets exactly one outcome, a ledger entry or a refusal."""
