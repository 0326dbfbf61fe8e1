"""Results in words.

Labels and units of quantities, the answer in a sentence, assumptions, and which rows may be called the
best.
"""
