"""How surely targets are met, in words that every verb prints next to them."""


def met_with(confidence: float | None) -> str:
    """With which probability targets are met, as half a sentence."""
    if confidence is None:
        return "met by the median estimate, 50 %"
    return f"met with a probability of {100.0 * confidence:g} %, by the error bar of each stack"


def no_verdict(confidence: float | None) -> str:
    """Why nothing is said about other software; empty where it is."""
    if confidence is None:
        return ""
    return "No verdict by software: the stacks equal and ideal state no error bar."
