"""From a wish to an acknowledged event, and to its receipt.

::

    outgoing     drafts, sealing, encoding, one signature for a batch
    sending      straight to the broker, or into the outbox; then the receipts, if asked for
    receipts     an author's own events coming back through his door
    outbox       events that wait on this machine's disk (outbox_rows: how they lie there)
    courier      who sends what waits there
"""
