"""What all plots share: canvas, style, labels that do not overlap, and axes with units for people."""
