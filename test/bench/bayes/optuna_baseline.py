"""Optuna's GPSampler on the problems of problems.ts, one JSON request a line on stdin, one JSON answer a line on stdout.

Request: {"search": "problem", "problem", "seed", "evaluations", "initial"}. Answer: {"best", "point", "seconds"}: the least
feasible objective, where it was, and the wall time of the whole search. Or {"search": "noisy", ...}, answered by the point of
the best trial, and {"search": "drifting", ...}, answered by the least value of each round. Needs optuna, torch and scipy. One
thread, as the other side has.
"""

import json
import math
import os
import sys
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import optuna
import torch

torch.set_num_threads(1)
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore")

HARTMANN_WEIGHTS = [1, 1.2, 3, 3.2]
HARTMANN_SCALES = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
HARTMANN_CENTRES = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def branin(u):
    x, y = -5 + 15 * u[0], 15 * u[1]
    curve = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return curve * curve + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(u):
    value = 0.0
    for weight, scales, centres in zip(HARTMANN_WEIGHTS, HARTMANN_SCALES, HARTMANN_CENTRES):
        value -= weight * math.exp(-sum(a * (x - c) ** 2 for a, x, c in zip(scales, u, centres)))
    return value


def stretch(u):
    return [-5 + 15 * value for value in u]


def ackley(u):
    x = stretch(u)
    squares = sum(value * value for value in x) / len(x)
    waves = sum(math.cos(2 * math.pi * value) for value in x) / len(x)
    return -20 * math.exp(-0.2 * math.sqrt(squares)) - math.exp(waves) + 20 + math.e


def sum_and_norm(u):
    x = stretch(u)
    return [sum(x), math.sqrt(sum(value * value for value in x)) - 5]


PROBLEMS = {
    "branin": (2, branin, None),
    "hartmann6": (6, hartmann6, None),
    "ackley8": (8, ackley, None),
    "ackley20": (20, ackley, None),
    "ackley10-constrained": (10, ackley, sum_and_norm),
    "branin-in-30": (30, branin, None),
}


def sampler_of(seed, initial, constraints=None):
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=initial, constraints_func=constraints)


def ask_point(study, dimensions):
    trial = study.ask()
    return trial, [trial.suggest_float(f"x{k}", 0.0, 1.0) for k in range(dimensions)]


def point_of(trial):
    return [trial.params[f"x{k}"] for k in range(len(trial.params))]


def search(request):
    dimensions, objective, constraints = PROBLEMS[request["problem"]]
    best, best_point = math.inf, None
    start = time.perf_counter()
    limits_of = (lambda trial: trial.user_attrs["constraints"]) if constraints else None
    study = optuna.create_study(sampler=sampler_of(request["seed"], request["initial"], limits_of))
    for _ in range(request["evaluations"]):
        trial, point = ask_point(study, dimensions)
        value = objective(point)
        limits = constraints(point) if constraints else []
        trial.set_user_attr("constraints", limits)
        study.tell(trial, value)
        if value < best and all(limit <= 0 for limit in limits):
            best, best_point = value, point
    seconds = time.perf_counter() - start
    return {"best": best if best_point else None, "point": best_point, "seconds": seconds}


def search_noisy(request):
    study = optuna.create_study(sampler=sampler_of(request["seed"], request["initial"]))
    for noise in request["noise"]:
        trial, point = ask_point(study, 6)
        study.tell(trial, hartmann6(point) + noise)
    return {"point": point_of(study.best_trial)}


def search_drifting(request):
    """One study for all rounds, or with "reset" a new one each, which tries the best point of the one before first."""
    first, again = request["initial"]
    study, bests = None, []
    for number, shift in enumerate(request["shifts"]):
        if study is None or request["reset"]:
            before = study.best_trial.params if study else None
            sampler = sampler_of(request["seed"] + 1000 * number, again if study else first)
            study = optuna.create_study(sampler=sampler)
            if before:
                study.enqueue_trial(before)
        best = math.inf
        for _ in range(request["evaluations"]):
            trial, point = ask_point(study, 6)
            value = hartmann6([x - moved for x, moved in zip(point, shift)])
            study.tell(trial, value)
            best = min(best, value)
        bests.append(best)
    return {"bests": bests}


SEARCHES = {"problem": search, "noisy": search_noisy, "drifting": search_drifting}


def warm_up():
    """Modules that Optuna imports at the first use are no part of a search."""
    study = optuna.create_study(sampler=sampler_of(0, 2))
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=4)


def main():
    warm_up()
    print(json.dumps({"optuna": optuna.__version__, "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(SEARCHES[request["search"]](request)), flush=True)


if __name__ == "__main__":
    main()
