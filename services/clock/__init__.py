"""时限: the city's clock: reminds before a time limit ends, says when it has passed, presses when nothing happens."""
