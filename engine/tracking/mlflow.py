"""MLflow: a run for ours, and one below it for each point."""

from typing import Any

from engine.errors import InputError
from engine.tracking.contract import Tracker
from engine.tracking.told import Told, ToldPoint

LONGEST = 6000
"""Characters of a parameter that MLflow takes."""
AT_ONCE = 1000
"""Metrics that MLflow takes in a batch."""


class MLflow(Tracker):
    """An experiment `labtui/EXPERIMENT`; parameters, metrics with their steps, tags."""

    name, title, packages, target = "mlflow", "MLflow", ("mlflow",), "URI"
    help = "Send curves, settings and results to the MLflow server or folder URI."

    def publish(self, run: Told, target: str) -> str:
        """A run that is there already under the same id is refused: MLflow keeps what it was sent."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            client = MlflowClient(tracking_uri=target)
            experiment = _experiment(client, f"labtui/{run.experiment}")
            if client.search_runs([experiment], f"tags.`labtui.id` = '{run.id}'", max_results=1):
                raise InputError(f"{run.id} is there already; delete it in MLflow, or choose another place.")
            parent = _begin(client, experiment, run, {"mlflow.runName": run.name, "labtui.id": run.id})
            _params(client, parent, run.facts)
            for point in run.points:
                names = {"mlflow.runName": point.name, "mlflow.parentRunId": parent, "labtui.point": str(point.index)}
                child = _begin(client, experiment, run, names)
                _params(client, child, point.params)
                _metrics(client, child, run, point)
                client.set_terminated(child, "FINISHED" if point.state == "finished" else "FAILED")
            client.set_terminated(parent)
        except (MlflowException, OSError) as error:
            reason = str(error).splitlines()[0][:200].rstrip(".")
            raise InputError(f"MLflow takes nothing at {target} ({reason}); check the address.") from None
        return f"{target}, experiment labtui/{run.experiment}, run {parent}"


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _begin(client: Any, experiment: str, run: Told, tags: dict[str, str]) -> str:
    begun = client.create_run(experiment, start_time=int(1000 * run.created), tags=tags)
    return str(begun.info.run_id)


def _params(client: Any, run_id: str, params: Any) -> None:
    from mlflow.entities import Param

    client.log_batch(run_id, params=[Param(key, str(value)[:LONGEST]) for key, value in params.items()])


def _metrics(client: Any, run_id: str, run: Told, point: ToldPoint) -> None:
    from mlflow.entities import Metric

    at = int(1000 * run.created)
    values = [Metric(name, value, at, int(step)) for name, curve in point.curves.items() for step, value in curve]
    values += [Metric(f"result.{name}", value, at, 0) for name, value in point.results.items()]
    for first in range(0, len(values), AT_ONCE):
        client.log_batch(run_id, metrics=values[first : first + AT_ONCE])


TRACKER = MLflow()
