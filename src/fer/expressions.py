"""Name the five expressions."""

EXPRESSIONS = ("angry", "happy", "sad", "surprise", "neutral")  # the order of every label and every probability
SIDE = 48  # pixels; the network and every FER-2013 picture are 48×48, grey
