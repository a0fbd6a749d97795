"""The journal: facts on disk, chained, signed under evolving keys; its pages, proofs and reports."""
