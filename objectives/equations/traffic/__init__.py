"""What follows from the distribution of requests: moments, queues' inputs, memory."""
