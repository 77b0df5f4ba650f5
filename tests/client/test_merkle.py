"""Trees of RFC 9162, against the vectors of transparency-dev/merkle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hutong.wire.merkle import inclusion_path, leaf_hash, path_length, root_of, tree_levels
from tests.shared_data import shared_file


def vectors() -> Any:
    return json.loads(shared_file("merkle_vectors.json").read_text())


def proves(probe: dict[str, Any]) -> bool:
    """Whether the verifier accepts a probe; proofs of hashes that are no hashes count as refused."""
    proof = [bytes.fromhex(node) for node in probe["proof"] or []]
    try:
        return root_of(bytes.fromhex(probe["leafHash"]), probe["leafIdx"], probe["treeSize"], proof) == bytes.fromhex(
            probe["root"]
        )
    except ValueError:
        return False


def test_every_inclusion_probe_is_judged_as_published() -> None:
    """All valid proofs of the vectors are accepted, all others refused."""
    probes = vectors()["probes"]["inclusion"]
    assert [probe["id"] for probe in probes if proves(probe) != probe["expect_ok"]] == []
    assert sum(probe["expect_ok"] for probe in probes) == vectors()["counts"]["inclusion"]["accept"] > 0


def test_roots_of_all_sizes_are_the_published_ones() -> None:
    """The tree over the first n leaves has the published root, for each n."""
    tree = vectors()["tree8"]
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in tree["leaf_inputs_hex"]]
    for size in range(1, len(leaves) + 1):
        assert tree_levels(leaves[:size])[-1][0].hex() == tree["root_by_size"][size]


def test_inclusion_paths_are_the_derived_ones() -> None:
    """Our paths equal those computed from the published tree."""
    tree = vectors()["tree8"]
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in tree["leaf_inputs_hex"]]
    for proof in tree["inclusion_proofs_derived"]:
        path = inclusion_path(tree_levels(leaves[: proof["tree_size"]]), proof["leaf_index"])
        assert [node.hex() for node in path] == proof["proof"]


def test_a_proof_from_a_real_log_holds() -> None:
    """A proof taken from a public certificate log leads to its root."""
    proof = vectors()["real_log_inclusion"]
    leaf = leaf_hash(bytes.fromhex(proof["leaf_input_hex"]))
    assert leaf.hex() == proof["leaf_hash"]
    path = [bytes.fromhex(node) for node in proof["proof"]]
    assert root_of(leaf, proof["leaf_index"], proof["tree_size"], path).hex() == proof["root"]


@given(st.integers(1, 200).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_every_leaf_leads_to_the_root_by_a_path_of_the_stated_length(place: tuple[int, int]) -> None:
    """For any size and index, the path has path_length hashes and leads to the root; one hash less does not."""
    size, index = place
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    levels = tree_levels(leaves)
    path = inclusion_path(levels, index)
    assert len(path) == path_length(index, size)
    assert root_of(leaves[index], index, size, path) == levels[-1][0]
    if path:
        with pytest.raises(ValueError, match="hashes"):
            root_of(leaves[index], index, size, path[:-1])


def test_a_tree_needs_a_leaf() -> None:
    """There is no tree of nothing to sign."""
    with pytest.raises(ValueError, match="at least one leaf"):
        tree_levels([])
