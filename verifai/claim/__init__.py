"""One statement over numbers, truth values and matrices: read, proved, refuted, or left open."""
