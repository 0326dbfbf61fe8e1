"""How surely targets are met, in words that every verb prints next to them."""


def met_with(confidence: float | None, without: str = "") -> str:
    """With which probability targets are met, as half a sentence.

    `without` is a stack that states no error bar: what is known of its estimate is no probability.
    """
    if without:
        return f"met by the estimate alone: the stack {without} states no error bar"
    if confidence is None:
        return "met by the median estimate, 50 %"
    return f"met with a probability of {100.0 * confidence:g} %, by the error bar of each stack"


def no_verdict(confidence: float | None) -> str:
    """Why nothing is said about other software; empty where it is."""
    if confidence is None:
        return ""
    return "No verdict by software: the stacks equal and ideal state no error bar."


def no_error_bar(software: str) -> str:
    """The stack without an error bar that drives every chip under some software; empty as they are sold."""
    return "" if software == "as-sold" else software
