# SPDX-License-Identifier: Apache-2.0
"""The house's rules by their version: facts are kept under it, so it must be that of the rules themselves."""

from secret_samples import made

from tidegate.scan.analyser import ChunkScanner
from tidegate.scan.secrets.detector import SecretDetector
from tidegate.scan.secrets.house import HOUSE_VERSION, HouseSecrets
from tidegate.scan.secrets.rules import RULES


def test_the_stated_version_is_that_of_the_rules() -> None:
    assert SecretDetector().version == HOUSE_VERSION  # the rules changed: write the new one into house.py


def test_it_finds_what_the_rules_find() -> None:
    files = [(rule.id, made(sample)) for rule in RULES[:40] for sample in rule.samples]
    ours = HouseSecrets()
    assert isinstance(ours, ChunkScanner)
    assert ours.scan_batch(files) == SecretDetector().scan_batch(files) != []
    path, content = files[0]
    assert ours.scan_chunks(path, iter([content])) == SecretDetector().scan_chunks(path, iter([content])) != []
