# SPDX-License-Identifier: Apache-2.0
"""From an inventory to its whole report, as settings say: checks, known bases, the team's sector."""

from collections.abc import Sequence
from datetime import date

from tidegate.artifact import Reference, Repository, Tag
from tidegate.errors import TidegateError
from tidegate.evidence import Misconfiguration, ScanReport
from tidegate.examination.bases import Bases
from tidegate.examination.priority_profiles import profile_named
from tidegate.examination.report import NOTHING_SAID, Said, full_report
from tidegate.inventory import Inventory
from tidegate.knowledge.database import Knowledge
from tidegate.settings import Settings


class Examiner:
    """Makes reports. Serves several threads at once.

    Raises:
        NotFoundError: the settings name a sector nobody knows.
    """

    def __init__(self, settings: Settings) -> None:
        self._answers = settings.scan.cache_dir / "checks"
        self._profile = profile_named(settings.scan.sector)
        self._registry = f"{settings.server.host}:{settings.server.port}"
        self.bases = Bases(settings.home / "bases")

    def report(
        self,
        inventory: Inventory,
        knowledge: Knowledge | None,
        *,
        said: Said = NOTHING_SAID,
        at: date | None = None,
        misconfigurations: Sequence[Misconfiguration] = (),
    ) -> ScanReport:
        """The whole report of one image; see `tidegate.examination.report.full_report`.

        Args:
            inventory: the facts.
            knowledge: None leaves what is wrong unknown.
            said: what people have said.
            at: the day it is judged for; None for the knowledge's own.
            misconfigurations: what others objected to, beside the checks of images.

        Raises:
            InvalidInputError: the knowledge file turned out to be broken, or a check cannot be evaluated.
        """
        from tidegate.checks.kept import check_image

        return full_report(
            inventory,
            knowledge,
            misconfigurations=(*check_image(inventory, folder=self._answers), *misconfigurations),
            bases=self.bases,
            said=said,
            profile=self._profile,
            at=at,
        )

    def remember(self, inventory: Inventory, name: Reference) -> None:
        """Keeps an image as one that others may be built upon; one that cannot be kept is found again next time."""
        try:
            self.bases.remember(inventory, name=name)
        except TidegateError:
            return

    def remember_shelved(self, inventory: Inventory, repository: Repository, tag: Tag) -> None:
        """The same for one that lies in our own registry."""
        self.remember(inventory, Reference(registry=self._registry, repository=repository, tag=tag))
