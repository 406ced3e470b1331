"""`labtui export`: figures, tables, reports and models as files."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from engine.errors import InputError
from engine.figures.files import to_json, write_text
from engine.figures.table import Table
from engine.runtime.records import RunRecord
from engine.runtime.runs import find_run, read_run
from tui_app.command.completing import complete_runs
from tui_app.command.export_figure import FILE, figure_options, say_written, write_figure
from tui_app.command.export_model import export_models, model_options
from tui_app.command.export_tracked import publish, tracker_options
from tui_app.command.numbers import Whole
from tui_app.command.say import say


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=complete_runs)
@figure_options
@click.option("--table", default="points", help="Which table goes into CSV, Markdown or LaTeX; that of the points.")
@click.option("--csv", type=FILE, help="Write the table as CSV, every recorded value in full precision.")
@click.option("--json", type=FILE, help="Write the whole record as JSON.")
@click.option("--markdown", type=FILE, help="Write the table as Markdown, as the report has it.")
@click.option("--latex", type=FILE, help="Write the table as LaTeX for a paper: intervals, units, booktabs.")
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write a Markdown report with all figures."
)
@click.option("--graph", type=FILE, help="Write a captured graph: .dot, .svg, .png (by graphviz), .md or .json.")
@click.option("--module", default="", help="Only this module of the graph, for example bert.encoder.layer.0.")
@click.option(
    "--point", type=Whole(0), metavar="N", help="Whose graph or model it is; the first, or the one that the run chose."
)
@click.option("--after", is_flag=True, help="The graph after the passes.")
@click.option("--optuna", metavar="URL", help="Write a search's studies into a database: sqlite:///study.db.")
@tracker_options
@model_options
def export(
    runs: Sequence[str],
    key: str | None,
    png: Path | None,
    svg: Path | None,
    beside: Sequence[str],
    step: str | None,
    size: str | None,
    dpi: int | None,
    title: str | None,
    table: str,
    csv: Path | None,
    json: Path | None,
    markdown: Path | None,
    latex: Path | None,
    report: Path | None,
    graph: Path | None,
    module: str,
    point: int | None,
    after: bool,
    optuna: str | None,
    tensorboard: str | None,
    mlflow: str | None,
    trackio: str | None,
    strict: bool,
    samples: int | None,
    **models: Path | None,
) -> None:
    """Write what RUN shows as files; - is standard output.

    Several runs give one figure with their curves laid over each other.
    """
    from engine.experiments import results
    from engine.experiments.report import write_report
    from engine.experiments.summary import papers, summaries
    from engine.figures.look import look

    records = [read_run(find_run(run), metrics=True) for run in runs]
    wanted = {name: path for name, path in models.items() if path is not None}
    trackers = {"tensorboard": tensorboard, "mlflow": mlflow, "trackio": trackio}
    tracked = {name: target for name, target in trackers.items() if target}
    if not any((png, svg, csv, json, markdown, latex, report, graph, optuna, wanted, tracked)):
        raise InputError(f"Say what to write, for example: labtui export {runs[0]} --png accuracy.png")
    if any((csv, json, markdown, latex, graph, optuna, wanted)) and len(records) > 1:
        raise InputError("Tables, JSON and models are written for one run at a time; name one RUN.")
    paths = [(path, kind) for path, kind in ((png, ".png"), (svg, ".svg")) if path]
    write_figure(records, key, paths, look(size, dpi, title), beside, step)
    writers: list[tuple[Path | None, Callable[[RunRecord], Mapping[str, Table]], Callable[[Table], str]]] = [
        (csv, results.tables, Table.csv),
        (markdown, summaries, Table.markdown),
        (latex, papers, Table.latex),
    ]
    for file, tables, written in writers:
        if file:
            write_text(file, written(_named(tables(records[0]), table)))
            say_written(file)
    if json:
        write_text(json, to_json(results.document(records[0])))
        say_written(json)
    if report:
        say(write_report(report, records, look(size, dpi)))
    if graph:
        from engine.experiments.graph.report import export_graph

        export_graph(records[0], graph, point=point, module=module, after=after)
        say_written(graph)
    if optuna:
        from engine.experiments.asking import export_studies

        say("\n".join(export_studies(records[0], optuna)))
    if tracked:
        publish(records, tracked)
    if wanted:
        export_models(records[0], wanted, point, strict, samples)


def _named(tables: Mapping[str, Table], key: str) -> Table:
    if key not in tables:
        raise InputError(f"There is no table {key!r}; the tables are {', '.join(tables)}.")
    return tables[key]
