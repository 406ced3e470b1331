"""What several experiments are made of: config fields, the choice of a point, the text-classification workbench."""
