"""What a broker's denial means for its reader: who is denied what, and what to do. Each client library has its table of
which errors are denials."""

from __future__ import annotations

from enum import StrEnum


class Denial(StrEnum):
    """What was denied."""

    LOGIN = "login"
    TOPIC = "topic"
    GROUP = "consumer group"
    TRANSACTIONAL_ID = "transactional id"
    CLUSTER = "cluster"
    """What only the platform's operator may: topics, ACLs, passwords."""
    NO_ACCESS_CONTROL = "no access control"
    """The broker keeps no ACLs at all."""


UNTRUSTED = "its certificate is not of HUTONG_CA_FILE, or for another name"
"""Why a broker's certificate was not taken."""


def denied(denial: Denial, told: str, *, user: str | None, names: str = "") -> str:
    """The denial in words. ``told``: what the client library says; ``user``: who this is to the broker, None where it
    does not ask; ``names``: the topic, group or id, where the library knows which."""
    who = user or "whoever comes without a password"
    match denial:
        case Denial.LOGIN:
            return (
                f"it does not know {who}, or by another password: check HUTONG_USER and HUTONG_PASSWORD_FILE; unless "
                f"{who} was revoked, the platform's operator makes a new one, `hutong org apply --renew {who}` ({told})"
            )
        case Denial.CLUSTER:
            return f"{who} may not do this, which takes the settings of the platform's operator ({told})"
        case Denial.NO_ACCESS_CONTROL:
            return f"it has no access control; docs/securing.md says how to start it with one ({told})"
        case _:
            what = f"{denial} {names}" if names else f"some {denial} ({told})"
            return (
                f"{who} may not use {what} so: `hutong org list` shows its rights; what follows from them holds from "
                "the next `hutong org apply` on"
            )
