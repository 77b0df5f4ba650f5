"""A city under load while everything about it breaks, by a seeded schedule; the checker judges what is left.

``python -m tests.chaos --help``. :mod:`~tests.chaos.schedule` says what breaks when, :mod:`~tests.chaos.faults` how,
:mod:`~tests.chaos.load` what goes on meanwhile, :mod:`~tests.chaos.verdict` whether every promise was kept.
"""
