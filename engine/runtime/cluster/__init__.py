"""Tasks on an existing Ray cluster: the driver's end (`executor`), a node's end (`node`), and what goes between."""
