"""回访: the hotline's system that asks the citizen, and closes the ticket or has it done again."""
