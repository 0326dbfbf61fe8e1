"""The page `dse/docs/accuracy.md` and its two pictures: predictions compared with measurements."""
