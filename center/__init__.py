"""The receiving centre: verify, log, receipt; later open. Envelopes are never overwritten and never held back."""
