"""What users send: requests with their times and lengths, from a description or from a trace."""
