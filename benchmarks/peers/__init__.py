"""The peers' processes under test, each written as its documentation recommends; see ``benchmarks/README.md``."""
