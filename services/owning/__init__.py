"""Owning partitions, crash-only: what admit and deliver share (ADR 0002).

::

    running    take a partition, fence, work, end on every unknown outcome
    recall     bring a state up to where the log was read to: its snapshot first, then the tail
    state      the file of a derived state, and what it belongs to
    snapshot   copies of it that survive, and how a bad one is told
    command    ``python -m services.<name>`` and its ``rebuild``
"""
