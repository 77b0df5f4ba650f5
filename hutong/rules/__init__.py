"""What the city decided, as tables and pure functions: who exists, which step may follow which, who sees it."""
