"""Figures as data, and what is drawn or written from them."""
