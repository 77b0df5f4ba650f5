"""What Hutong costs beside its peers: one command, ``python -m benchmarks`` (see ``README.md`` here)."""
