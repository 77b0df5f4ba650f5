"""A whole city on one machine: embedded Kafka, supervisor, generator, demo (``python -m local``)."""
