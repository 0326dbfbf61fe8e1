"""One run of a study.

Tasks go to workers in this process, in others or on a cluster; what they make is stored in bulk, its front is
kept, and what a killed worker had under way is recovered.
"""
