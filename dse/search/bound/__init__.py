"""How much better any chip of a space could be than a front: a bound that is proven, box by box."""
