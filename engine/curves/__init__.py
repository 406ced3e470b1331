"""Curves that other programs recorded, as tables or event files of TensorBoard, to lie beside those of runs."""
