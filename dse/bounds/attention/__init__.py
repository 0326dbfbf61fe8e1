"""The second count of each kind of attention, one file a kind; none looks at how the equations count it.

`built_in` joins each of them with the keys and the first count, as the entry points of the kinds name it.
"""
