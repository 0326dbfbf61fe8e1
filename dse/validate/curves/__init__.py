"""Measured Pareto curves: does a prediction rank their points as they were measured, and choose the best?"""
