"""The targets, one module each: adding one is adding a file here."""
