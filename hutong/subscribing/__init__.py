"""An organisation's deliveries: in order per ticket, each once, loud at a gap; and what is parked.

::

    subscription   the door: one batch after the other, marks committed behind it
    giving         one event, given out again and again where it must be
    wishes, marks  what a system asked for, and how far it is
    gaps           deliveries that are missing where they were expected
    parking        what a running subscription writes to its dead letters, and reads there
    letters        dead letters and controls as records
    deadletters    the fold that says what is parked, for everybody who asks
"""
