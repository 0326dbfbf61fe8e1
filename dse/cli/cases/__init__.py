"""The cases of one study, run one by one or several at a time in helper processes."""
