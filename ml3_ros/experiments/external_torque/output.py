# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Table, metrics and figure of external torques."""

from pathlib import Path

import numpy as np

from ml3_ros.data.metrics import Metrics, resolved
from ml3_ros.experiments.external_torque.config import GAINS, LEARNED, ContactConfig
from ml3_ros.experiments.external_torque.figure import figure
from ml3_ros.experiments.external_torque.run import FALSE_ALARMS
from ml3_ros.experiments.runner.experiment import Arrays, Report
from ml3_ros.reports.styles import in_order
from ml3_ros.reports.tables import median_in_range, number_in_range, text_table
from ml3_ros.robots.base import Array

NAME = "external_torque"


def finish(
    config: ContactConfig, seeds: dict[int, Arrays], shared: Arrays, out: Path, report: Report
) -> tuple[Path, ...]:
    """Write metrics.json and the figure; report a table."""
    found = collect(seeds)
    metrics(config, found).save(out)
    report(table(config, found))
    example = {key: value for key, value in seeds[min(seeds)].items() if "example" in key}
    return figure(config, found, example, out, NAME)


def collect(seeds: dict[int, Arrays]) -> Arrays:
    """Return every number of `run_seed` with seeds as its first axis; no example."""
    keys = [key for key in seeds[min(seeds)] if "example" not in key]
    return {key: np.stack([arrays[key] for arrays in seeds.values()]) for key in keys}


def methods(found: Arrays) -> list[str]:
    """Return the methods in the order of figures."""
    return in_order([key.removeprefix("rms/") for key in found if key.startswith("rms/")])


def share_of_truth(found: Arrays, name: str) -> Array:
    """Return RMS errors over the RMS of the truth, mean over joints: (seeds, robots, gains).

    Each is a mean over joints first, so that joints which nobody loads do not count.
    """
    truth = found["external"].mean(-1)
    return np.asarray(found[f"rms/{name}"].mean(-1) / truth[..., None])


def metrics(config: ContactConfig, found: Arrays) -> Metrics:
    """Return errors over the observers' gain, mean over joints and a seed's robots.

    "NAME@roc" has the share of touched samples that are found over that of free ones,
    "NAME@joints" the RMS error [N m] over the number of the joint.

    Headlines, means over runs: "NAME/rms_Nm" at the config's gain, "NAME/best_Nm" at the gain that
    is best for it, "NAME/free_Nm" while nobody touches, "NAME/share" and "NAME/best_share" of the
    truth's RMS; "NAME/area"; "NAME/lag_ms", the largest, "NAME/delay_s", the median, and
    "NAME/found" at the config's false alarms; "NAME/covered"; "NAME/false_flags",
    "NAME/true_flags".
    """
    about = {"x": "bandwidth of the observer [1/s]", "y": "RMS error, mean over joints [N m]"}
    about["x@roc"] = "share of free samples; y: share of touched samples above the threshold"
    about["x@joints"] = "number of the joint; y: RMS error [N m]"
    result, at = Metrics(NAME, resolved(config) | about), GAINS.index(config.gain)
    result.headline["external_Nm"] = float(found["external"].mean())
    for name in methods(found):
        rms = found[f"rms/{name}"]
        result.add(name, GAINS, rms.mean((1, 3)))
        result.add(f"{name}@roc", FALSE_ALARMS.tolist(), found[f"roc/{name}"].mean(1))
        joints = range(1, rms.shape[-1] + 1)
        result.add(f"{name}@joints", list(joints), rms[:, :, at].mean(1))
        shares = share_of_truth(found, name).mean((0, 1))
        result.headline |= {
            f"{name}/rms_Nm": float(rms[:, :, at].mean()),
            f"{name}/best_Nm": float(rms.mean((0, 1, 3)).min()),
            f"{name}/free_Nm": float(found[f"free/{name}"].mean()),
            f"{name}/share": float(shares[at]),
            f"{name}/best_share": float(shares.min()),
            f"{name}/area": float(found[f"area/{name}"].mean()),
            f"{name}/lag_ms": 1e3 * float(found[f"lag/{name}"].max()),
            f"{name}/delay_s": float(np.quantile(found[f"delay/{name}"], 0.5, method="higher")),
            f"{name}/found": float(found[f"found/{name}"].mean()),
        }
        if name in LEARNED:
            flags = found[f"flagged/{name}"].mean((0, 1))
            result.headline |= {
                f"{name}/covered": float(found[f"covered/{name}"].mean()),
                f"{name}/false_flags": float(flags[0]),
                f"{name}/true_flags": float(flags[1]),
            }
    return result


def table(config: ContactConfig, found: Arrays) -> str:
    """Return one line a method: means over robots, median over seeds [lowest highest]."""
    at, rows = GAINS.index(config.gain), []
    for name in methods(found):
        delay = found[f"delay/{name}"].ravel()
        middle = float(np.quantile(delay, 0.5, method="higher"))
        rows.append(
            [
                name,
                median_in_range(found[f"rms/{name}"][:, :, at].mean((1, 2))),
                median_in_range(share_of_truth(found, name)[..., at].mean(1)),
                median_in_range(found[f"area/{name}"].mean(1)),
                median_in_range(found[f"found/{name}"].mean(1)),
                number_in_range(middle, delay.min(), delay.max()),
                median_in_range(1e3 * found[f"lag/{name}"].max(1)),
            ]
        )
    header = ["RMS error [N m]", "share of the truth", "area under ROC", "touches found"]
    return text_table(["external torque", *header, "delay [s]", "lag [ms]"], rows)
