"""The fidelity report: the evidence of each rule, and the findings of each oracle about it."""
