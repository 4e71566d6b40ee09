"""A batch run in a notebook: a bar with the time left, and an end without a word too many."""

import nbclient
import nbformat
from batch_example import BATCH, ENVIRONMENT, write_batch

PLAN = "import popsim as ps\nplanned = ps.plan('small.batch.yaml', out='store')"
REPORT = "\nprint(report.done, report.missing, report.interrupted)"
RUN = "report = planned.run(workers=2)" + REPORT
RUN_AGAIN = (
    "planned = ps.plan('small.batch.yaml', out='again')\n"
    "report = planned.run(workers=1, threads=True)" + REPORT
)
#: What Ctrl-C or the button of a notebook does, once the first task has been written.
STOP = """\
import popsim.batch.run as running
write = running._write

def interrupted(*given):
    write(*given)
    raise KeyboardInterrupt

running._write = interrupted
"""


class Watched(nbclient.NotebookClient):
    """Remembers every picture of a bar, which a notebook that is kept shows the last of."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.pictures.append(msg["content"]["data"])
        return super().process_message(msg, cell, cell_index)


def test_a_notebook_shows_a_bar_with_the_time_left_and_ends_clean(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    write_batch(tmp_path, BATCH)
    cells = [nbformat.v4.new_code_cell(text) for text in (PLAN, RUN, STOP, RUN_AGAIN)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    place = {"metadata": {"path": str(tmp_path)}}
    client = Watched(notebook, timeout=120, kernel_name="python3", resources=place)
    client.pictures = []
    client.execute()
    # One bar, drawn in its place, and nothing on stderr.
    bar, printed = notebook.cells[1].outputs
    assert bar["output_type"] == "display_data"
    assert bar["data"]["text/plain"].startswith("4 of 4 tasks, ")
    assert '<progress value="4" max="4">' in bar["data"]["text/html"]
    assert (printed["name"], printed["text"]) == ("stdout", "4 0 False\n")
    begun, first = client.pictures[:2]
    assert begun["text/plain"] == "0 of 4 tasks"
    assert '<progress value="0" max="4"></progress>' in begun["text/html"]
    assert first["text/plain"].split(" of ")[0] in ("1", "2", "3")
    assert " gone, about " in first["text/plain"]
    assert first["text/plain"].endswith(" s left")
    bar, printed = notebook.cells[3].outputs
    assert bar["data"]["text/plain"].startswith("0 of 4 tasks, ")
    assert bar["data"]["text/plain"].endswith(" gone, stopped")
    assert printed["text"] == "0 3 True\n"
