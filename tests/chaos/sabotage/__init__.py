"""Eight deliberate bugs, each a patch to a running service, with the schedule that brings it to light.

``python -m tests.chaos.sabotage.run BUG services.admit …`` runs a service with the bug ``BUG`` (``sound``: with none).
``tests/chaos/test_sabotage.py`` plays every schedule twice on a real broker: sound, which the checker finds clean, and
sabotaged, which it must find. The product knows nothing of all this.
"""
