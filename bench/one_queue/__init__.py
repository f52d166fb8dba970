"""`python -m bench queue`: several workers with kept connections, beside one ideal queue."""
