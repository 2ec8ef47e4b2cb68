"""Formats the benchmarks' results as Markdown tables for docs/benchmarks.md."""

from __future__ import annotations

from typing import Any


def train_table(results: dict[str, Any]) -> str:
    """Return every library in every configuration, then the ratios."""
    lines = [
        *_caption(results, f"{results['rounds']} rounds of {results['seconds']:g} s; matrix product "
               f"{results['gemm_flops'] / 1e9:,.0f} GFLOP/s in fp32, {results['gemm_flops_bf16'] / 1e9:,.0f} in bf16."),
        "| | library | sequences/s | first step, s | peak memory, MiB |",
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for name, configuration in results["results"].items():
        for library, row in configuration["libraries"].items():
            if "failed" in row:
                lines.append(f"| {name} | {library} | no figures: {_cell(row['failed'])} | | |")
                continue
            lines.append(
                f"| {name} | {library} | {row['sequences_per_second']:,.1f} | {row['first_step_seconds']:.1f} "
                f"| {row['peak_mb']:,.0f} |"
            )
    lines += [
        "",
        "| | speed, × the best peer | goal | memory, % of the leanest peer's | share of the fp32 peak |",
    ]
    lines += ["|---|---|---|---|---|"]
    for name, configuration in results["results"].items():
        for mine, ours in configuration["ours"].items():
            memory = "" if ours["memory_ratio"] is None else f"{ours['memory_ratio']:.0%}"
            lines.append(
                f"| {name}: {configuration['title']}, {mine} | {ours['speed_ratio'] or ''} "
                f"| {configuration['goal']:g} | {memory} | {ours['share_of_peak']:.0%} |"
            )
    return "\n".join(lines)


def sharding_rows(results: Any) -> list[dict[str, Any]]:
    """Return the rows with the maximum memory over ranks."""
    return [{**row, "memory_mb_per_rank": max(row["memory_mb_per_rank"])} for row in results["rows"]]


def sharding_table(results: Any) -> str:
    """Return a line for each number of items and mode."""
    lines = [*_caption(results, "")]
    lines += ["| items | mode | ms per step | memory per rank, MiB |", "|---|---|---|---|"]
    for row in sharding_rows(results):
        memory = f"{row['memory_mb_per_rank']:,.0f}"
        lines.append(f"| {row['items']:,} | {row['mode']} | {row['step_ms']:,.1f} | {memory} |")
    return "\n".join(lines)


def checkpoints_table(results: dict[str, Any]) -> str:
    """Return a line per case: an epoch and its checkpoints, then what a background thread would gain and cost."""
    lines = [
        *_caption(results, ""),
        "| items | | mode × ranks | epoch, s | written, MB | saving, s | of training | copy only, s | max gain "
        "| lost, s | lost to a thread, s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['items']:,} | {row['title']} | {row['mode']} × {row['ranks']} | {row['epoch_seconds']:,.0f} "
        f"| {row['file_mb'] + row['last_mb']:,.0f} | {row['savings_seconds']:.2f} | {row['share']:.1%} "
        f"| {row['copy_seconds']:.2f} | {row['most_gain']:.1%} | {row['lost_seconds']:.1f} "
        f"| {row['behind_lost_seconds']:.1f} |"
        for row in results["rows"]
    ]
    return "\n".join(lines)


def quality_table(results: dict[str, Any]) -> str:
    """Return every library's means, then ours vs. each peer."""
    recipe = ", ".join(f"{name} {value:g}" for name, value in results["recipe"].items())
    lines = [
        *_caption(results, f"Recipe: {recipe}."),
        "| library | seeds | NDCG@10 | 95 % over seeds | recall@10 | lr, mask_prob, dropout |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in results["libraries"].items():
        chosen = ", ".join(f"{row['settings'][key]:g}" for key in ("lr", "mask_prob", "dropout"))
        span = f"{row['ndcg']['low']:.4f} – {row['ndcg']['high']:.4f}" if "low" in row["ndcg"] else ""
        lines.append(
            f"| {name} | {len(row['seeds'])} | {row['ndcg']['mean']:.4f} | {span} "
            f"| {row['recall']['mean']:.4f} | {chosen} |"
        )
    if results["against"]:
        lines += [
            "",
            "| ours minus | NDCG@10 | 95 % over users | Wilcoxon p | paired t p | Welch p over seeds |",
        ]
        lines += ["|---|---|---|---|---|---|"]
    for name, test in results["against"].items():
        seeds = "" if test["seeds_p"] is None else f"{test['seeds_p']:.2g}"
        lines.append(
            f"| {name} | {test['difference']:+.4f} | {test['low']:+.4f} – {test['high']:+.4f} "
            f"| {test['wilcoxon_p']:.2g} | {test['t_p']:.2g} | {seeds} |"
        )
    return "\n".join(lines)


def ui_table(results: dict[str, Any]) -> str:
    """Return the measured parts: first paint, keys while runs report and among many runs, and a long log."""
    lines = [*_caption(results, "Real-time scheduling." if results["ahead"] else "")]
    if "first_paint" in results:
        lines += ["| | seconds, median |", "|---|---|"]
        lines += [f"| {name} | {value:.3f} |" for name, value in results["first_paint"]["seconds"].items()]
        lines += ["", f"First paint: {results['first_paint']['first_paint_ratio']} × a bare Textual app.", ""]
    titles = {"stream": f"{results['runs']} runs report {results['hertz']} times per second"}
    titles |= {"many": f"{results['folders']:,} ended runs"}
    for part in (part for part in titles if part in results):
        lines += [*_keys(titles[part], results[part]), ""]
    if "log" in results:
        lines += [*_log(results["log"]), ""]
    return "\n".join(lines[:-1])


def _keys(title: str, part: dict[str, Any]) -> list[str]:
    lines = [f"| {title}: ms from key to paint | keys | p50 | p99 | max | settled p50 | settled p99 |"]
    lines += ["|---|---|---|---|---|---|---|"]
    rows = {**part["keys"], "down, up in a bare table": part["bare"]["down, up"]}
    for name, row in rows.items():
        figures = (row[key] for key in ("p50", "p99", "max", "settled_p50", "settled_p99"))
        lines.append(
            f"| {name} | {row['keys']:,} | " + " | ".join(f"{value:.1f}" for value in figures) + " |"
        )
    lines += ["", f"Down and up: {part['moves_ratio']} × a bare table of Textual (p50)."]
    if "goal_ms" in part:
        lines[-1] += (
            f" Goal: p99 of all below {part['goal_ms']:g} ms; {'met' if part['goal_met'] else 'not met'}."
        )
    seconds = part.get("seconds", {})
    spans = [f"{value:.1f} {name}" for name, value in seconds.items()]
    bare = [f"{part['bare_seconds']:.1f} in a bare table"] if "bare_seconds" in part else []
    return lines + (["", f"From the start: {', '.join(spans + bare)}."] if spans else [])


def _log(log: dict[str, Any]) -> list[str]:
    lines = [f"| log of {log['lines']:,} lines: CPU seconds (wall clock) | b4r-tui | toolong | ratio |"]
    lines += ["|---|---|---|---|"]
    for task in log["b4r-tui"]["cpu"]:
        ratio = log["ratio_of_cpu"].get(task)
        cells = [
            f"{log[name]['cpu'][task]:.2f} ({log[name]['clock'][task]:.2f})"
            if task in log[name]["cpu"]
            else "–"
            for name in ("b4r-tui", "toolong")
        ]
        lines.append(f"| {task} | {' | '.join(cells)} | {f'{ratio:.1f} ×' if ratio else ''} |")
    memory = " | ".join(f"{log[name]['memory_mb']:,.0f}" for name in ("b4r-tui", "toolong"))
    return [*lines, f"| peak memory, MB | {memory} | |"]


def _caption(results: dict[str, Any], more: str) -> list[str]:
    """Return a line with the date and the machine, if the file has them."""
    if "date" not in results:
        return [more, ""] if more else []
    line = (
        f"{results['date']}, {results['processor']}, {results['cpus']} CPUs, {results['threads']} threads, "
        f"{results['system']}, load {results['load']} at the end. {more}"
    )
    return [line.strip(), ""]


def _cell(text: str) -> str:
    """Escape what would break a table."""
    return text.replace("|", "\\|").replace("\n", " ")


TABLES = {
    "train": train_table,
    "sharding": sharding_table,
    "checkpoints": checkpoints_table,
    "quality": quality_table,
    "ui": ui_table,
}
