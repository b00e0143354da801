# SPDX-License-Identifier: Apache-2.0
"""The main job end to end. Everything it makes lies in .demo; it ends by itself with exit status 0."""

import argparse
import shutil
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from demo.build import build_reports, build_web
from demo.server import Tidegate
from demo.timeline import Timeline, UnexpectedError, expect
from demo.wheels import site_packages
from demo.world import AdvisoryServer, publish
from tidegate.artifact import Reference
from tidegate.oci.push import Pusher
from tidegate.oci.registry import RegistryClient
from tidegate.outbound import Outbound

_FOLDER = Path(__file__).parents[1] / ".demo"
_MANIFESTS = Path(__file__).parent / "manifests"
_SHOWN_REASONS = 6


def main() -> int:
    """Runs the demo; returns its exit status."""
    options = argparse.ArgumentParser(prog="make demo", description=__doc__)
    options.add_argument("--keep", action="store_true", help="leave the server up")
    keep = options.parse_args().keep
    packages = {name: site_packages(name, _FOLDER / "packages") for name in ("reports", "web", "web-fixed")}
    for name in ("home", "images", "advisories"):
        shutil.rmtree(_FOLDER / name, ignore_errors=True)
    told = Timeline()
    server: Tidegate | None = None
    try:
        told.title("A tidegate of its own: one process, one folder, no configuration")
        server = Tidegate(_FOLDER / "home")
        told.step(f"tidegate serve: registry, gate and API at http://{server.address}", good=True)
        _Demo(told, server, packages).run()
        told.title("Done")
        told.step(f"every gate did what it promises, in {told.seconds:.0f} s", good=True)
    except UnexpectedError as error:
        told.step(f"not as promised: {error}", good=False)
        return 1
    finally:
        if server is not None:
            _end(server, told, keep=keep)
    return 0


def _end(server: Tidegate, told: Timeline, *, keep: bool) -> None:
    if keep:
        told.detail(f"the server stays up: http://{server.address}/api/v1/openapi.json (process {server.pid})")
        told.detail(f"look around with: TIDEGATE_HOME={server.home} .venv/bin/tidegate passport DIGEST")
    else:
        server.stop()


class _Demo:
    def __init__(self, told: Timeline, server: Tidegate, packages: dict[str, Path]) -> None:
        self._told = told
        self._server = server
        self._packages = packages
        self._images = _FOLDER / "images"
        self._registry = RegistryClient(Outbound())

    def run(self) -> None:
        """The chapters, in order."""
        self._refused()
        digest = self._admitted()
        self._deployed(digest)
        self._tide(digest)
        self._fixed()
        self._passport(digest)

    def _refused(self) -> None:
        told = self._told
        told.title("1. Development → Curation: a careless image")
        digest = str(build_reports(self._packages["reports"], self._images).digest)
        told.step("built team/reports:1.0 from apache-airflow 1.10.10 and friends, with a private key left in a layer")
        self._push("reports", "team/reports:1.0")
        told.step(f"pushed {digest[:19]}…; it is in quarantine")
        found = self._server.verdict(digest)
        expect(found["state"] == "rejected", f"team/reports:1.0 is {found['state']}")
        told.step("refused at the curation gate:", good=False)
        self._reasons(found)
        status = self._server.http.get(f"/v2/team/reports/manifests/{digest}").status_code
        expect(status == 403, f"the pull was answered {status}")  # noqa: PLR2004 - HTTP's forbidden
        told.step("a pull of it is answered 403, with the same reasons", good=True)

    def _admitted(self) -> str:
        told = self._told
        told.title("2. Curation: a careful image is admitted, countersigned and vended")
        digest = str(build_web(self._packages["web"], self._images, "web").digest)
        self._push("web", "team/web:1.0")
        told.step(f"built and pushed team/web:1.0 {digest[:19]}… (h11 0.14.0, uvicorn, starlette)")
        found = self._server.verdict(digest)
        expect(found["state"] == "admitted", f"team/web:1.0 is {found['state']}: {found}")
        told.step("admitted", good=True)
        pulled = self._server.http.get(f"/v2/team/web/manifests/{digest}")
        expect(pulled.status_code == 200, f"the pull was answered {pulled.status_code}")  # noqa: PLR2004 - HTTP's fine
        told.step("vended: the manifest is served by tag and digest", good=True)
        referrers = self._server.http.get(f"/v2/team/web/referrers/{digest}").json()["manifests"]
        expect(len(referrers) >= 3, f"only {len(referrers)} referrers")  # noqa: PLR2004 - SBOM, scan, decision
        told.step("countersigned: attached to it as OCI referrers are", good=True)
        for item in referrers:
            told.detail(item["artifactType"])
        return digest

    def _deployed(self, digest: str) -> None:
        told = self._told
        told.title("3. Curation → Execution: what may run, and how")
        review = self._review("reports.yaml")
        expect(not review["allowed"], "the privileged pod was allowed")
        told.step("Pod finance/reports (team/reports:1.0, privileged) is denied:", good=False)
        for reason in review["reasons"][:_SHOWN_REASONS]:
            told.detail(f"– {reason}")
        review = self._review("web.yaml")
        expect(review["allowed"], f"the web deployment was denied: {review['reasons']}")
        told.step("Deployment shop/web (team/web:1.0) is allowed, and changed on the way in:", good=True)
        for change in review["changes"]:
            told.detail(f"– {change}")
        expect(digest in str(review["documents"]), "the image is not pinned to its digest")

    def _tide(self, digest: str) -> None:
        told, server = self._told, self._server
        told.title("4. The tide turns: a new advisory")
        after = server.json("/events", after=0, limit=1000)["next"]
        seed = resources.files("tidegate.knowledge")
        with resources.as_file(seed / "seed") as now, resources.as_file(seed / "seed-later") as later:
            publish([now, later], _FOLDER / "advisories")
        world = AdvisoryServer(_FOLDER / "advisories")
        try:
            status, _, error = server.run("db", "update", "--url", world.url)
        finally:
            world.close()
        expect(status == 0, f"db update failed: {error}")
        told.step("tidegate db update: GHSA-vqfr-h8mv-ghfj is published for h11 before 0.16.0 (critical)")
        _, tide = server.events(after, "oversight.knowledge.updated")
        moved = tide["data"]
        told.step(f"{moved['changed_ranges']} range changed, {moved['images']} image judged again, none read again")
        server.events(after, "curation.image.recalled")
        expect(server.verdict(digest)["state"] == "recalled", "team/web:1.0 was not recalled")
        told.step("team/web:1.0 is recalled: no pull, no new placement", good=False)
        _, exposed = server.events(after, "execution.workload.exposed")
        data = exposed["data"]
        told.step(
            f"it still runs in {exposed['subject']}, container {data['container']}, owner {data['owner']}", good=False
        )
        expect(exposed["subject"].endswith("shop/Deployment/web"), f"the event names {exposed['subject']}")
        review = self._review("web.yaml")
        expect(not review["allowed"], "the recalled image may still be deployed")
        told.step("the execution gate denies it from now on", good=True)

    def _fixed(self) -> None:
        told = self._told
        told.title("5. The fix passes")
        digest = str(build_web(self._packages["web-fixed"], self._images, "web-fixed").digest)
        self._push("web-fixed", "team/web:1.1")
        found = self._server.verdict(digest)
        expect(found["state"] == "admitted", f"team/web:1.1 is {found['state']}")
        told.step(f"team/web:1.1 {digest[:19]}… with h11 0.16.0 is admitted", good=True)
        review = self._review("web.yaml", tag="1.1")
        expect(review["allowed"], f"team/web:1.1 was denied: {review['reasons']}")
        told.step("and may run", good=True)

    def _passport(self, digest: str) -> None:
        told = self._told
        told.title("6. The passport of team/web:1.0")
        passport = self._server.json(f"/passports/{digest}")
        expect(passport["sound"], "a signature or a ledger proof does not hold")
        for entry in passport["entries"]:
            told.detail(f"{entry['at']}  {entry['kind']:<10} {entry['what']}")
        told.step(
            f"every signature verifies, every entry is proved in a ledger of {passport['ledger_size']}", good=True
        )

    def _push(self, tag: str, name: str) -> None:
        reference = Reference.parse(f"{self._server.address}/{name}")
        Pusher(self._registry, reference).push_layout(self._images, tag=tag)

    def _review(self, name: str, tag: str = "1.0") -> Any:
        text = (_MANIFESTS / name).read_text().replace("REGISTRY", self._server.address).replace(":1.0", f":{tag}")
        answer = self._server.http.post("/api/v1/admission/workloads", params={"cluster": "demo"}, content=text)
        answer.raise_for_status()
        return answer.json()

    def _reasons(self, found: Any) -> None:
        reasons = [reason for reason in found["verdict"]["reasons"] if reason["verdict"] == "deny"]
        for reason in reasons[:_SHOWN_REASONS]:
            self._told.detail(f"– {reason['message']}" + (f" → {reason['fix']}" if reason["fix"] else ""))
        if len(reasons) > _SHOWN_REASONS:
            self._told.detail(f"– and {len(reasons) - _SHOWN_REASONS} more")


if __name__ == "__main__":
    sys.exit(main())
