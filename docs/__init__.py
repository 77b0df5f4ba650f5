"""The parts of the documentation that are written by a program, so that they cannot lie."""
