"""模式登记: the catalogue for tools of the Kafka world, through the reading half of Confluent's registry API."""
