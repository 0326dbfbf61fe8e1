"""What the tables of others state: columns, units, ways of serving, rows that belong to one run."""
