"""One chip: number formats, the time of an operator on it, and where its bytes are stored.

Here belongs what needs the columns of a chip and nothing of a network, of links or of requests.
"""
