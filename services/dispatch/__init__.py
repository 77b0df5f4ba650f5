"""派单: the hotline's system that gives each ticket to the unit that must answer it."""
