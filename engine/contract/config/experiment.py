"""The experiment: the only place where a setting, its type, range, default and help stand.

TOML validation, the CLI's schema, the form on screen and the frozen `config.toml` of a run are all
made from these models. Torch-free: the terminal app imports it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from engine.contract.config.base import Group
from engine.contract.config.base import refuse as _refuse
from engine.contract.config.clusters import (
    ELASTIC_RESTARTS,
    SlurmConfig,
    TorchXConfig,
    check_hosts,
    check_scheduler,
    check_together,
)
from engine.contract.config.validation import problems_of
from engine.contract.errors import B4RError
from engine.contract.sanitize import is_harmless

GENERATED_DATASETS = ("random", "synthetic")
SAMPLED_LOSSES = ("sampled", "gbce")
METRIC_NAMES = ("recall", "precision", "ndcg", "map", "mrr")
LOSSES_WITH = {"num_negatives": ("sampled", "gbce"), "negatives": ("sampled",), "gbce_t": ("gbce",)}
GBCE_T = 0.75  # the calibration Petrov & Macdonald (RecSys 2023) recommend
NAME_PATTERN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
PROTOCOL_PATTERN = re.compile(r"full|(popular|uniform)-([1-9][0-9]{0,5})")
JOB_PATTERN = re.compile(r"(?:([1-9][0-9]{0,3}):)?([1-9][0-9]{0,3})x([1-9][0-9]{0,3})")


class Columns(Group):
    """Which columns of one's own data hold what: a name in the header, or a position counted from 0."""

    user: int | str | None = Field(None, description="Column of user ids; default the one with a usual name")
    item: int | str | None = Field(None, description="Column of item ids; default the one with a usual name")
    rating: int | str | None = Field(None, description="Column of ratings; without one, none is rated")
    timestamp: int | str | None = Field(
        None, description="Column of times: seconds or dates; without one, rows are in time order"
    )

    @field_validator("user", "item", "rating", "timestamp")
    @classmethod
    def _name_or_position(cls, column: int | str | None) -> int | str | None:
        if column == "" or (isinstance(column, int) and column < 0):
            raise PydanticCustomError(
                "setting", f"{column!r} is no column; give its name, or its position counted from 0"
            )
        return column

    @model_validator(mode="after")
    def _each_once(self) -> Columns:
        chosen = [(name, column) for name, column in self if column is not None]
        for place, (name, column) in enumerate(chosen):
            for other, same in chosen[:place]:
                if column == same:
                    _refuse(f"data.columns.{name}", f"{column!r} is the {other} already; name another column")
        return self


class DataConfig(Group):
    """Which interactions, and what is kept of them."""

    dataset_name: Literal["ml-100k", "ml-1m", "ml-20m", "lt", "csv", "random", "synthetic"] = Field(
        "ml-1m",
        description="Data set, which also names the format of its files; `csv`: your own csv, tsv, parquet, "
        ".inter or `user item` lines",
    )
    dataset_path: str | None = Field(
        None,
        description="The data set's file, or its folder; plain, .gz or .zip; a relative path starts at the TOML file",
    )
    columns: Columns | None = Field(None, description="Columns of your own data (dataset_name = `csv`)")
    min_rating: float = Field(0.0, description="Interactions rated lower are dropped")
    min_user_count: int = Field(5, ge=1, description="Users with fewer interactions are dropped")
    min_item_count: int = Field(0, ge=0, description="Items with fewer interactions are dropped")
    split: Literal["leave-two-out", "temporal"] = Field(
        "leave-two-out",
        description="leave-two-out: last interaction of a user is test, the one before it validation, the rest "
        "training; temporal: two times cut the whole data set, a user's first interaction after each is held out",
    )
    temporal_fractions: list[Annotated[float, Field(gt=0.0, lt=1.0)]] = Field(
        [0.8, 0.9],
        min_length=2,
        max_length=2,
        description="Shares of all interactions before the two cuts of the temporal split",
    )
    temporal_times: list[int] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Unix times of the two cuts of the temporal split, instead of temporal_fractions",
    )
    random_user_count: int = Field(10, ge=1, le=100_000_000, description="Users of `random` and `synthetic`")
    random_item_count: int = Field(30, ge=2, le=100_000_000, description="Items of `random` and `synthetic`")
    random_size: int = Field(
        300, ge=1, le=2_000_000_000, description="Interactions of `random` and `synthetic`"
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="Seed of generated data sets and of evaluation negatives"
    )

    @field_validator("temporal_fractions", "temporal_times")
    @classmethod
    def _rising_cuts(cls, cuts: list[float] | None) -> list[float] | None:
        if cuts is not None and cuts[0] >= cuts[1]:
            raise PydanticCustomError(
                "setting",
                f"the second cut {cuts[1]} is not after the first, {cuts[0]}; write the earlier first",
            )
        return cuts


class ModelConfig(Group):
    """The size and shape of BERT4Rec."""

    max_len: int = Field(
        100, ge=2, le=10_000, description="Positions of an input sequence, the mask included"
    )
    emb_dim: int = Field(256, ge=4, le=8192, multiple_of=4, description="Width of embeddings and layers")
    nhead: int = Field(2, ge=1, description="Attention heads; must divide emb_dim")
    num_layers: int = Field(2, ge=1, le=64, description="Transformer blocks")
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout rate in embeddings and blocks")
    norm: Literal["pre", "post"] = Field("post", description="Layer norm before or after each half block")
    init: Literal["bert", "xavier"] = Field(
        "bert",
        description="Weights at birth: bert draws all with deviation 0.02 as the paper does, xavier those of linear "
        "layers by their widths, which learns faster with a small emb_dim",
    )
    tie_output: bool = Field(
        False, description="Score items with the input item table (dmp: with sampled losses only)"
    )

    @field_validator("nhead")
    @classmethod
    def _divides_emb_dim(cls, nhead: int, info: Any) -> int:
        emb_dim = info.data.get("emb_dim")
        if emb_dim is not None and emb_dim % nhead:
            raise PydanticCustomError(
                "setting", f"{nhead} heads do not divide emb_dim = {emb_dim}; choose a divisor of it"
            )
        return nhead


class EarlyStopping(Group):
    """When to end before num_epochs."""

    metric: str | None = Field(None, description="Validation metric to watch; default evaluation.select_by")
    patience: int = Field(10, ge=1, description="Validations without improvement before the run ends")


class TrainingConfig(Group):
    """How the model is fitted."""

    num_epochs: int = Field(100, ge=1, le=1_000_000, description="Passes over the training sequences")
    lr: float = Field(0.001, gt=0.0, description="Learning rate of Adam (dense part; all of it in ddp)")
    embedding_lr: float | None = Field(
        None,
        gt=0.0,
        description="Learning rate of the sharded item table (dmp); default lr where its optimiser is Adam, "
        "5 × lr where it is row-wise Adagrad",
    )
    decay_step: int = Field(25, ge=1, description="Epochs between two cuts of the learning rate")
    gamma: float = Field(1.0, gt=0.0, le=1.0, description="Factor of each cut of the learning rate")
    warmup_steps: int = Field(
        0,
        ge=0,
        le=1_000_000_000,
        description="Steps in which the learning rate first rises evenly to its full",
    )
    weight_decay: float = Field(
        0.0, ge=0.0, description="Decoupled weight decay of matrices and tables, not of biases and norms"
    )
    mask_prob: float = Field(
        0.15, gt=0.0, le=1.0, description="Chance that an item of a sequence is a target"
    )
    dupe_factor: int = Field(3, ge=1, le=1000, description="Masked copies of each sequence in an epoch")
    train_batch_size: int = Field(128, ge=1, le=1_000_000, description="Sequences a step, per rank")
    loss: Literal["full", "sampled", "gbce"] = Field(
        "full",
        description="full: cross-entropy over all items; sampled: over the target and num_negatives items, logQ "
        "corrected; gbce: calibrated binary cross-entropy with them",
    )
    num_negatives: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        description="Negatives that a step's targets share, fewer than items (sampled, gbce); default 256, or items "
        "- 1 where that is less",
    )
    negatives: Literal["uniform", "popularity"] | None = Field(
        None,
        description="How negatives are drawn (sampled): each item alike, or by training interactions + 1; default "
        "uniform",
    )
    gbce_t: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="Calibration of gbce: 0 is plain binary cross-entropy, 1 undoes all that sampling distorts; "
        "default 0.75",
    )
    precision: Literal["fp32", "bf16", "auto"] = Field(
        "fp32",
        description="Number format of the matmuls: the transformer's, and on CPU the full softmax's too; auto takes "
        "bf16 where a short probe finds it faster, so numbers then depend on the machine",
    )
    early_stopping: EarlyStopping | None = Field(None, description="End when validation stops improving")
    grad_clip: float | None = Field(
        None,
        gt=0.0,
        description="Largest norm of a step's whole gradient, over all ranks; the item table sharded by dmp is "
        "neither counted nor clipped",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of weights, masks, order, dropout and negatives")
    export_root: str | None = Field(
        None, description="Folder for checkpoints, a sub-folder a run; default the run folder itself"
    )
    keep_checkpoints: int = Field(
        0, ge=0, description="Epoch checkpoints kept besides the best one; 0 keeps all"
    )
    checkpoint_minutes: float = Field(
        10.0,
        gt=0.0,
        description="Minutes between two savings of `checkpoints/last` within an epoch; each epoch's end saves it too",
    )

    @property
    def calibration(self) -> float:
        """t of gBCE, as set or its default."""
        return GBCE_T if self.gbce_t is None else self.gbce_t

    @field_validator("num_negatives", "negatives", "gbce_t")
    @classmethod
    def _means_something(cls, value: Any, info: Any) -> Any:
        """Refuse a setting of the loss that the loss chosen does not look at."""
        loss = info.data.get("loss")
        users = LOSSES_WITH[info.field_name]
        if value is not None and loss is not None and loss not in users:
            raise PydanticCustomError(
                "setting", f'does nothing to loss = "{loss}"; remove it, or use loss = {" or ".join(users)}'
            )
        return value


class EvaluationConfig(Group):
    """What is measured, and how the best epoch is chosen."""

    metric_ks: list[Annotated[int, Field(ge=1, le=1_000_000)]] = Field(
        [1, 5, 10, 20, 50, 100], min_length=1, description="Cutoffs of recall, precision, ndcg, map and mrr"
    )
    protocols: list[str] = Field(
        ["full", "popular-100"],
        min_length=1,
        description="Candidates: `full` (all unseen items), `popular-N` or `uniform-N` (N sampled negatives)",
    )
    select_by: str = Field(
        "ndcg@10", description="Metric of the first protocol, on validation, that chooses the best epoch"
    )
    val_batch_size: int = Field(128, ge=1, le=1_000_000, description="Users a validation batch, per rank")
    test_batch_size: int = Field(128, ge=1, le=1_000_000, description="Users a test batch, per rank")
    block_mb: int = Field(
        128, ge=1, le=1_000_000, description="Memory for scores while ranking, in MB, per rank"
    )
    pth: str = Field("best", description="Checkpoint to test: `best`, `last`, a file name or a path")
    every: int = Field(1, ge=1, description="Epochs between validations; the last epoch is always validated")

    @field_validator("protocols")
    @classmethod
    def _known_protocols(cls, protocols: list[str]) -> list[str]:
        for protocol in protocols:
            if not PROTOCOL_PATTERN.fullmatch(protocol):
                raise PydanticCustomError(
                    "setting",
                    f"'{protocol}' is no protocol; use full, popular-N or uniform-N, such as popular-100",
                )
        if len(set(protocols)) < len(protocols):
            raise PydanticCustomError("setting", "a protocol is listed twice; list each once")
        return protocols

    @field_validator("metric_ks")
    @classmethod
    def _rising_cutoffs(cls, cutoffs: list[int]) -> list[int]:
        return sorted(set(cutoffs))

    @field_validator("select_by")
    @classmethod
    def _known_metric(cls, metric: str, info: Any) -> str:
        check_metric(metric, info.data.get("metric_ks"))
        return metric


class LaunchConfig(Group):
    """Where and how torchrun starts the ranks."""

    mode: Literal["ddp", "dmp"] = Field(
        "ddp", description="ddp: every rank holds the model; dmp: the item table is sharded over ranks"
    )
    scheduler: str = Field(
        "local",
        description="Who starts the processes: local (this machine, or `hosts` through ssh), slurm, or torchx:NAME",
    )
    j: str = Field(
        "1x1",
        description="[min:]nodes x processes a node, as torchrun counts them; with min, lost nodes are done without",
    )
    hosts: list[str] | None = Field(
        None,
        min_length=1,
        description="Hosts of a local launch on several nodes; the first is the rendezvous",
    )
    rdzv_port: int | None = Field(
        None,
        ge=1024,
        le=65535,
        description="Port of the rendezvous of several nodes; default by the run's id",
    )
    max_restarts: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Restarts of several nodes from the last checkpoint; default 3 where j has a min, else 0",
    )
    slurm: SlurmConfig | None = Field(None, description="What the Slurm job asks for")
    torchx: TorchXConfig | None = Field(None, description="What TorchX is told")
    gpu: int | Literal["auto"] = Field(
        "auto",
        description="GPUs to use on a node: a count, 0 for CPU, `auto` for one a process if there are any",
    )
    script: str | None = Field(
        None, description="Python file to start instead of engine.train; gets the run folder as its argument"
    )
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads a rank; default cores / ranks")
    env: dict[str, str] = Field({}, description="Environment variables of the ranks")
    time_limit: float | None = Field(None, gt=0.0, description="Minutes after which the run is stopped")
    sharding: Literal["auto", "row_wise", "table_wise", "column_wise"] = Field(
        "auto", description="How dmp cuts the item table; `auto` lets TorchRec's planner choose"
    )
    memory_gb: float | None = Field(
        None,
        gt=0.0,
        description="Memory of a rank in GB that dmp's plan must fit: weights, gradients and optimiser states; "
        "default its share of the machine",
    )

    trackers: list[Literal["tensorboard", "mlflow"]] = Field(
        [],
        description="Trackers (`tensorboard`, `mlflow`) that get the run's numbers while it runs; they need the extras "
        "of these names",
    )
    tracking_uri: str | None = Field(
        None, description="MLflow's store or server; default .mlflow/mlflow.db in the runs root"
    )

    @field_validator("j")
    @classmethod
    def _job_shape(cls, j: str) -> str:
        match = JOB_PATTERN.fullmatch(j)
        if not match:
            raise PydanticCustomError(
                "setting", f"'{j}' is not a job size; write nodes x processes, such as 1x2"
            )
        if match[1] and int(match[1]) > int(match[2]):
            raise PydanticCustomError(
                "setting", f"'{j}' asks for at least {match[1]} of {match[2]} nodes; write the smaller first"
            )
        return j

    @field_validator("gpu")
    @classmethod
    def _gpu_count(cls, gpu: int | str) -> int | str:
        if isinstance(gpu, int) and gpu < 0:
            raise PydanticCustomError("setting", f"{gpu} GPUs cannot be; use 0 for CPU")
        return gpu

    @field_validator("scheduler")
    @classmethod
    def _known_scheduler(cls, scheduler: str) -> str:
        return check_scheduler(scheduler)

    @field_validator("hosts")
    @classmethod
    def _safe_hosts(cls, hosts: list[str] | None) -> list[str] | None:
        return check_hosts(hosts)

    @model_validator(mode="after")
    def _goes_together(self) -> LaunchConfig:
        check_together(self)
        return self

    @property
    def processes(self) -> int:
        """Ranks on each node."""
        return self._shape[2]

    @property
    def nodes(self) -> int:
        """Nodes, or the most of an elastic launch."""
        return self._shape[1]

    @property
    def min_nodes(self) -> int:
        """Nodes without which an elastic launch cannot go on; all of them where it is not elastic."""
        return self._shape[0]

    @property
    def ranks(self) -> int:
        """Ranks on all nodes."""
        return self.nodes * self.processes

    @property
    def restarts(self) -> int:
        """Restarts of the ranks that torchrun may try."""
        if self.max_restarts is None:
            return ELASTIC_RESTARTS if self.min_nodes < self.nodes else 0
        return self.max_restarts

    @property
    def _shape(self) -> tuple[int, int, int]:
        match = JOB_PATTERN.fullmatch(self.j)
        assert match is not None
        return int(match[1] or match[2]), int(match[2]), int(match[3])


class Experiment(Group):
    """One experiment, whole: what `config.toml` of a run holds."""

    name: str = Field(description="Letters, digits, . _ -; not starting with a dot")
    description: str = Field("", description="A line for people")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    launch: LaunchConfig = LaunchConfig()

    @field_validator("name")
    @classmethod
    def _safe_name(cls, name: str) -> str:
        if not NAME_PATTERN.fullmatch(name):
            raise PydanticCustomError(
                "setting",
                f"{name!r} is no experiment name; use up to 100 letters, digits, '.', '_' or '-', no dot first",
            )
        return name

    @field_validator("description")
    @classmethod
    def _readable(cls, description: str) -> str:
        if not is_harmless(description):
            raise PydanticCustomError(
                "setting", f"{description!r} holds control characters; write plain text"
            )
        return description

    @model_validator(mode="after")
    def _fits_together(self) -> Experiment:
        if self.data.dataset_name not in GENERATED_DATASETS and not self.data.dataset_path:
            _refuse(
                "data.dataset_path",
                f"{self.data.dataset_name} needs the folder of its files; set dataset_path",
            )
        if self.data.columns and self.data.dataset_name != "csv":
            _refuse(
                "data.columns",
                f'{self.data.dataset_name} has columns of its own; remove it, or use dataset_name = "csv"',
            )
        if self.data.temporal_times is not None and self.data.split != "temporal":
            _refuse(
                "data.temporal_times",
                f"cuts of a temporal split do nothing to {self.data.split}; remove them or set split to temporal",
            )
        if self.data.split == "temporal" and self.data.dataset_name == "synthetic":
            _refuse(
                "data.split",
                "synthetic says in which order interactions came but not when, which a temporal split needs; "
                "use leave-two-out, or random",
            )
        _refuse_uneven_nodes(self)
        if self.model.tie_output and self.launch.mode == "dmp":
            _refuse_tied_in_dmp(self)
        if self.training.early_stopping and self.training.early_stopping.metric:
            check_metric(
                self.training.early_stopping.metric,
                self.evaluation.metric_ks,
                key="training.early_stopping.metric",
            )
        return self


def _refuse_tied_in_dmp(experiment: Experiment) -> None:
    """In dmp a tied output works only where its optimiser sees all rows that get a gradient, each in one piece."""
    if experiment.training.loss not in SAMPLED_LOSSES:
        _refuse(
            "model.tie_output",
            "in dmp the item table's optimiser updates only rows that were looked up, but the full softmax gives "
            "every row a gradient; use false, a sampled training.loss, or mode ddp",
        )
    if experiment.launch.sharding == "column_wise":
        _refuse(
            "launch.sharding",
            "a tied output scores an item with its whole vector, which column_wise cuts; use row_wise or auto",
        )


def _refuse_uneven_nodes(experiment: Experiment) -> None:
    """With fewer nodes the sequences a step on all ranks stay as many, so each number of nodes must divide them."""
    launch, batch = experiment.launch, experiment.training.train_batch_size
    for nodes in range(launch.min_nodes, launch.nodes):
        if batch * launch.ranks % (nodes * launch.processes):
            _refuse(
                "training.train_batch_size",
                f"steps of {batch} × {launch.ranks} ranks can't be dealt evenly to {nodes} of {launch.nodes} nodes "
                f"(launch.j = {launch.j}); use a batch that can, or no minimum of nodes",
            )


def check_metric(metric: str, cutoffs: list[int] | None, key: str | None = None) -> None:
    """Refuse a metric that no validation would compute, such as `ndcg@7` where 7 is no cutoff."""
    name, _, cutoff = metric.partition("@")
    if metric == "mrr" or (
        name in METRIC_NAMES and cutoff.isdecimal() and (cutoffs is None or int(cutoff) in cutoffs)
    ):
        return
    known = ", ".join(f"{name}@{k}" for name in METRIC_NAMES for k in (cutoffs or [10])[:3])
    raise PydanticCustomError(
        "setting",
        f"'{metric}' is not measured; use mrr or a metric at a cutoff of metric_ks, such as {known}",
        {"key": key} if key else {},
    )


def read_run_config(run_dir: Path) -> Experiment:
    """The frozen experiment of a run folder. Raises B4RError that names the file and the key."""
    path = run_dir / "config.toml"
    if not path.exists():
        raise B4RError(f"{path}: No such file or directory; is {run_dir} a run folder?")
    return read_frozen(path)


def read_frozen(path: Path) -> Experiment:
    """The experiment of a run's `config.toml`. Raises B4RError that names the file and the key."""
    try:
        with path.open("rb") as file:
            return Experiment.model_validate(tomli.load(file))
    except OSError as error:
        raise B4RError(f"{path}: {error.strerror or error}; name a run's config.toml") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise B4RError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        problem = problems_of(error, Experiment)[0]
        raise B4RError(f"{path}: {problem.key}: {problem.sentence}") from error
