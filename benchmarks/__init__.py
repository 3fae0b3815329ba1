"""Scripts that compare ovglm with its peers in one run and print a table; not in the wheel."""
