"""How a chip gets its price: one file for each method, registered under `dse.price_methods`.

A method says what it needs to know of a chip and what its price is a price of. External methods are
registered in the same way; `dse.testing.price_contract` is the contract of all.
"""
