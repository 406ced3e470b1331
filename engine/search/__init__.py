"""Search: spaces of parameters, Optuna's samplers behind the runtime's question for the next trial. No torch.

Optuna is imported when a driver asks for a trial, never by a config or a screen.
"""
