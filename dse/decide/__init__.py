"""What to make of a front: compare, explain, propose, break even, and how sure all of it is. Info only."""
