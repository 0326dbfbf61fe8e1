"""What a stored study says.

Designs at targets, the live front, progress, importance of parameters, the manifest and the question that
it answers.
"""
