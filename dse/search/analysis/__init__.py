"""Results of stored trials: designs at targets, the live front, progress, importance of parameters.

The manifest, the question that a stored study answers and the folders of results are here too.
"""
