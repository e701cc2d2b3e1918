"""When we act: the tick, what drives it, and the objects it works with."""
