"""Verbs that ask about chips: estimate, chip, compare, explain, propose, breakeven."""
