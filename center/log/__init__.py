"""The centre's log: its ledger, its tree, its proofs."""
