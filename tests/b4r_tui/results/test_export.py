"""One table in six formats: they agree with each other, and each is well formed."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from b4r_tui.commands.main import main
from b4r_tui.results.export import latex, markdown
from b4r_tui.results.export.curves import Curve, chart, ticks
from b4r_tui.results.leaderboard import leaderboard
from b4r_tui.runs.store import RunStore
from b4r_tui.runs.summary import read_summary
from engine.contract.errors import ExitCode
from tests.b4r_tui.results.trained import trained

VOID = {"meta"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    store = RunStore(tmp_path_factory.mktemp("exported") / "runs")
    for seed in (1, 2, 3):
        trained(store, f"small_x-s{seed}", seed, skill=0.1)
        trained(store, f"big_x-s{seed}", seed, skill=1.0, training={"lr": 0.01})
    trained(store, "alone", 1, skill=0.5, model={"emb_dim": 64})
    store.create(trained(RunStore(store.root.parent / "other"), "waiting").config())
    return store


def exported(store: RunStore, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["--runs", str(store.root), "export", *options]) == ExitCode.OK
    return capsys.readouterr().out


def test_csv_json_and_parquet_have_the_same_figures(
    store: RunStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--baseline", "small_x", "--metrics", "ndcg@10", "mrr"]
    rows = list(csv.DictReader(io.StringIO(exported(store, capsys, *options))))
    records = json.loads(exported(store, capsys, "--format", "json", *options))
    exported(store, capsys, "-o", str(tmp_path / "t.parquet"), *options)
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == records
    assert [row["experiment"] for row in rows] == [record["experiment"] for record in records]
    assert [float(row["mrr"]) for row in rows] == [record["mrr"] for record in records]
    (board,) = leaderboard(map(read_summary, store.runs()))
    assert [record["ndcg@10"] for record in records] == [row.value for row in board.rows]
    assert records[0]["experiment"] == "big_x"
    assert records[0]["seeds"] == [1, 2, 3]
    assert rows[0]["seeds"] == "1 2 3"
    assert records[0]["ndcg@10.p_holm"] < 0.01
    assert next(r for r in records if r["experiment"] == "small_x")["ndcg@10.p"] is None


def test_latex_is_a_booktabs_table_with_best_second_and_marks(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    text = exported(store, capsys, "--format", "latex", "--baseline", "small_x", "--metrics", "ndcg@10")
    begun = re.findall(r"\\begin\{(\w+)\}", text)
    assert begun == ["table", "tabular"]
    assert re.findall(r"\\end\{(\w+)\}", text) == begun[::-1]
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    rows = [line.strip() for line in text.splitlines() if line.endswith(r"\\")]
    assert all(row.count(" & ") == 2 for row in rows)
    first = rows[1]
    assert re.fullmatch(r"big\\_x & 3 & \\textbf\{0\.\d{4}\} \$\\pm\$ 0\.\d{4}\$\^\{\*\*\}\$ \\\\", first), (
        first
    )
    assert [r"\underline{" in row for row in rows] == [False, False, True, False]
    assert r"differs from small\_x at p \textless{} 0.05" in text
    bare = re.sub(r"\\[\\{}_%&#$]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0


def test_special_characters_are_escaped() -> None:
    assert latex.escaped(r"a_b & 5% $x {y} \n ~^<>") == (
        r"a\_b \& 5\% \$x \{y\} \textbackslash{}n \textasciitilde{}\textasciicircum{}\textless{}\textgreater{}"
    )
    assert markdown.escaped("a|b*c_d<e>") == r"a\|b\*c\_d\<e\>"


def test_markdown_is_a_table_of_even_rows(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    lines = exported(store, capsys, "--format", "md", "--metrics", "ndcg@10", "recall@5").splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert table[0] == "| experiment | seeds | ndcg@10 | recall@5 |"
    assert len({line.count(" | ") for line in table}) == 1
    assert re.match(r"\| big\\_x \| 3 \| \*\*0\.\d{4}\*\* ± 0\.\d{4} \|", table[2])
    assert "<u>" in table[3]


class Page(HTMLParser):
    """Checks that tags are closed in order, and keeps what refers elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_file_that_needs_nothing_else(
    store: RunStore, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    exported(store, capsys, "-o", str(tmp_path / "report.html"), "--baseline", "small_x")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.links == []
    assert not re.search(r"https?:|url\(|@import|<script", text)
    assert page.tags.count("svg") == 2, "loss and ndcg@10; no run validated recall@10"
    assert page.tags.count("polyline") == 14
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "here &lt;&amp;&gt;" in text
    assert "training.lr" in text
    assert '<span class="best">' in text


def test_runs_of_other_conditions_make_tables_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(tmp_path / "runs")
    trained(store, "here")
    trained(store, "there", fingerprint="99999999")
    assert main(["--runs", str(store.root), "export", "--format", "latex"]) == ExitCode.OK
    captured = capsys.readouterr()
    assert captured.out.count(r"\begin{table}") == 2
    assert "2 tables, since the runs differ in split fingerprint (f1f1f1f1, 99999999)" in captured.err
    assert r"\textbf" not in captured.out, "nothing is best of one"


def test_the_legend_tells_of_epochs_that_validation_did_not_choose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(tmp_path / "runs")
    trained(store, "chosen")
    assert "Each run was tested at its best epoch on validation." in exported(store, capsys, "--format", "md")
    trained(store, "last", tested_epoch=2, training={"lr": 0.1})
    text = exported(store, capsys, "--format", "md")
    assert "Tested at an epoch not selected by validation: last." in text
    assert "Each run was tested" not in text


def test_only_what_is_named_is_exported(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    def names(*options: str) -> list[str]:
        return [row["experiment"] for row in csv.DictReader(io.StringIO(exported(store, capsys, *options)))]

    assert names("--only", "alone") == ["alone"]
    assert names("--only", "big_x-s1", "alone") == ["big_x-s1", "alone"]
    assert names("--only", "big_x", "--baseline", "small_x") == ["big_x", "small_x"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--only", "bigx"], "no tested run is named 'bigx'; did you mean 'big_x'?"),
        (["--baseline", "nobody"], "the baseline 'nobody' is not among the tested runs"),
        (["--metrics", "ndcg@7"], "no run has the test metric ndcg@7; did you mean"),
        (["--protocol", "uniform-5"], "no run was tested with protocol uniform-5"),
        (["-o", "table.docx"], "table.docx: unknown extension"),
    ],
)
def test_what_is_not_there_is_told(
    store: RunStore, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runs", str(store.root), "export", *options]) == ExitCode.BAD_INPUT
    assert sentence in capsys.readouterr().err


def test_no_runs_and_no_folder_are_told(
    store: RunStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runs", str(tmp_path), "export"]) == ExitCode.BAD_INPUT
    assert "has test metrics" in capsys.readouterr().err
    missing = str(tmp_path / "none" / "t.csv")
    assert main(["--runs", str(store.root), "export", "-o", missing]) == ExitCode.ENVIRONMENT
    assert "choose another file with -o" in capsys.readouterr().err


def test_curves_stay_inside_their_axes() -> None:
    drawn = chart("loss", [Curve("a", 0, [(1, 5.0), (2, float("nan")), (3, 1.0)]), Curve("b", 1, [])])
    assert drawn is not None
    (line,) = drawn.lines
    assert len(line.points.split()) == 2
    assert all(0 <= float(n) <= 640 for n in re.split("[ ,]", line.points))
    assert [tick.label for tick in drawn.across] == ["1", "2", "3"]
    assert chart("empty", [Curve("a", 0, [])]) is None
    assert chart("one point", [Curve("a", 0, [(1, 0.5)])]) is not None
    assert ticks(0.0, 1.0) == pytest.approx([0.0, 0.5, 1.0])
