"""The trackers, in the order in which the command names them. Importing it imports no library of theirs."""

from collections.abc import Mapping

from engine.tracking import mlflow, tensorboard, trackio
from engine.tracking.contract import Tracker

TRACKERS: Mapping[str, Tracker] = {
    tracker.name: tracker for tracker in (tensorboard.TRACKER, mlflow.TRACKER, trackio.TRACKER)
}
