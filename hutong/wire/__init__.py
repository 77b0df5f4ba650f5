"""The event on the wire: what is signed, how it is framed, and what each room stamps on it."""
