"""Networks as mathematics: expressions, exact pieces and regions, exact counts and errors."""
