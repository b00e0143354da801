# SPDX-License-Identifier: Apache-2.0
"""How many of the labelled lines are told right: the guesses, too, are on by default only because of these numbers."""

import sys
from pathlib import Path

from labelled_lines import FALSE, TRUE

from tidegate.scan.secrets.detector import SecretDetector

sys.path.insert(0, str(Path(__file__).parents[2] / "scan/secrets"))
from secret_samples import made

SEEDS = [str(number) for number in range(25)]
MIN_PRECISION = 0.99
MIN_RECALL = 0.93


def test_precision_and_recall_on_labelled_lines() -> None:
    detector = SecretDetector()
    missed: list[str] = []
    wrong: list[str] = []
    for seed in SEEDS:
        missed += [line for line in TRUE if not detector.scan_batch([("a", b"x\n" + made(line, seed) + b"\n")])]
        wrong += [line for line in FALSE if detector.scan_batch([("a", b"x\n" + made(line, seed) + b"\n")])]
    told = len(TRUE) * len(SEEDS) - len(missed)
    precision, recall = told / (told + len(wrong)), told / (len(TRUE) * len(SEEDS))
    assert precision >= MIN_PRECISION, (precision, sorted(set(wrong)))
    assert recall >= MIN_RECALL, (recall, sorted(set(missed)))
