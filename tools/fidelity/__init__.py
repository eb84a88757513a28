"""The fidelity report: what each rule rests on, and what each oracle found of it."""
