"""How long a takeover and a rebuild last on a long ledger, and whether every way to a state leads to the same rows.

``python -m tests.chaos.takeover --help``. :mod:`~tests.chaos.takeover.author` files the events, through the whole chain
of a real broker, admit and deliver; :mod:`~tests.chaos.takeover.acts` says what happens to them,
:mod:`~tests.chaos.takeover.clocks` how it is measured, :mod:`~tests.chaos.takeover.rows` what is equal.
"""
