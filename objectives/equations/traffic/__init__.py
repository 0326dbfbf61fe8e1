"""What follows from the distribution of requests: parameters of lengths, how uneven arrivals are, memory.

Here belongs what is known of traffic before any chip serves it.
"""
