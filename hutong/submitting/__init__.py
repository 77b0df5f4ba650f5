"""From a wish to an acknowledged event, and to its receipt.

::

    drafts       which event, of which ticket, under which id
    minting      under which key it is sealed; what is minted goes to the custodian first
    outgoing     sealing, encoding, one signature for a batch
    sending      straight to the broker, or into the outbox; then the receipts, if asked for
    receipts     an author's own events coming back through his door
    outbox       events that wait on this machine's disk (outbox_rows: how they lie there)
    courier      who sends what waits there
"""
