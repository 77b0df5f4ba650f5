#!/usr/bin/env bash
# Kafka's storage tool, where the official image has it
exec java -XX:+UseSerialGC -cp "/opt/kafka/libs/*" kafka.tools.StorageTool "$@"
