"""What a city runs: one small package per service, ``python -m services.<name>``. Services never import each other."""
