"""HOW the audit log is sealed: what a row's hash covers, the tree over all of them, signed checkpoints, what verifying finds. Pure."""
