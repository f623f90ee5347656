"""Is a dataset representative: does a net's rank on it predict the rank on others?

The analysis of Tuggener, Schmidhuber and Stadelmann, "Is it enough to optimize CNN architectures
on ImageNet?" (Frontiers in Computer Science 4, 2022), for any population of nets:

    import lemur_core
    from lemur_analysis import representativeness as rep

    results = lemur_core.data(task="img-classification", metric="acc")
    population = rep.from_results(results, at_epoch=5)
    rep.rank_correlations(population, reference="cifar-10")
    rep.rank_agreement(population)

A population is a frame with one row per net and dataset; the module `population` describes its
columns. Statistics return DataFrames; figures accept ``ax`` and return matplotlib axes. Figures of
agreement also accept results from `lemur_core.data`.

| statistics | |
|---|---|
| `from_results`, `runs_from_results`, `best_runs` | a population at equal training |
| `error_table`, `relative_errors` | errors by net and dataset; errors relative to the lowest |
| `rank_correlations` | Spearman, Kendall or Pearson between datasets, with intervals |
| `noise_ceiling`, `pair_ceilings` | upper limit of rank correlations, given the spread of runs |
| `single_run_reliability`, `single_run_ceilings` | the same for one run of each net |
| `complexity_correlations` | correlation of the error with depth, width, ... |
| `training_noise` | spread of single nets' runs and of the population |
| `paired`, `condition_gains`, `change_gains` | gain of a condition, or of changed hyperparameters |
| `balanced_pairs`, `smaller_versions`, `version_correlations` | versions of a dataset |
| `ascending`, `ascending_counts`, `best_configurations` | stage settings of a design space |

| figures | in the paper |
|---|---|
| `error_scatter` | 3 to 5 |
| `error_against`, `complexity_correlation` | 6, 7, 14, table 4 |
| `longer_training` | 9 to 11 |
| `noise_of_training` | 12 |
| `top1_against_top5` | 13 |
| `balanced_errors` | 16, 17 |
| `pretraining_gain` | 18 |
| `changed_hyperparameters` | none: errors with another stem |
| `error_ecdf` | 19 |
| `best_configuration` | 20 |
| `scatter_matrix`, `rank_agreement` | 21 |
| `stage_scatter` | 22 to 34 |
| `rank_transfer`, `single_run_transfer` | none: correlations with their noise ceilings |
"""

from lemur_analysis.representativeness.agreement import (
    error_scatter,
    rank_agreement,
    rank_transfer,
    scatter_matrix,
    single_run_transfer,
)
from lemur_analysis.representativeness.ceiling import noise_ceiling, pair_ceilings
from lemur_analysis.representativeness.conditions import (
    balanced_errors,
    changed_hyperparameters,
    longer_training,
    noise_of_training,
    pretraining_gain,
    top1_against_top5,
)
from lemur_analysis.representativeness.configurations import (
    best_configuration,
    complexity_correlation,
    error_against,
    error_ecdf,
    stage_scatter,
)
from lemur_analysis.representativeness.controls import (
    change_gains,
    condition_gains,
    paired,
    training_noise,
)
from lemur_analysis.representativeness.correlation import (
    complexity_correlations,
    correlation,
    rank_correlations,
)
from lemur_analysis.representativeness.population import (
    best_runs,
    error_table,
    from_results,
    relative_errors,
    runs_from_results,
)
from lemur_analysis.representativeness.repeats import single_run_ceilings, single_run_reliability
from lemur_analysis.representativeness.stages import (
    ascending,
    ascending_counts,
    best_configurations,
    with_totals,
)
from lemur_analysis.representativeness.versions import (
    balanced_pairs,
    smaller_versions,
    version_correlations,
)

__all__ = [
    "ascending",
    "ascending_counts",
    "balanced_errors",
    "balanced_pairs",
    "best_configuration",
    "best_configurations",
    "best_runs",
    "change_gains",
    "changed_hyperparameters",
    "complexity_correlation",
    "complexity_correlations",
    "condition_gains",
    "correlation",
    "error_against",
    "error_ecdf",
    "error_scatter",
    "error_table",
    "from_results",
    "longer_training",
    "noise_ceiling",
    "noise_of_training",
    "pair_ceilings",
    "paired",
    "pretraining_gain",
    "rank_agreement",
    "rank_correlations",
    "rank_transfer",
    "relative_errors",
    "runs_from_results",
    "scatter_matrix",
    "single_run_ceilings",
    "single_run_reliability",
    "single_run_transfer",
    "smaller_versions",
    "stage_scatter",
    "top1_against_top5",
    "training_noise",
    "version_correlations",
    "with_totals",
]
