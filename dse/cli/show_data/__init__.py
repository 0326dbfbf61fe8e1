"""What verbs print about configs and measurements, for people.

Claims, key figures, config sheets and errors of predictions.
"""
