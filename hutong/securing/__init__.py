"""Who may do what at the broker, as it follows from the directory (ADR 0024)."""
