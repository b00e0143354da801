# SPDX-License-Identifier: Apache-2.0
"""An image kept for some nodes takes its workloads there, by `placement explain` and at the gate."""

import json
from pathlib import Path

from whole_server import WholeServer, python_image, run_tidegate

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: vault, namespace: bank}
spec:
  containers: [{name: a, image: "registry.example/placed/app:1"}]
"""


def test_the_images_own_nodes(server: WholeServer, tmp_path: Path) -> None:
    digest = python_image(tmp_path / "layout", "one", {"h11": "0.14.0", "placed": "1"})
    server.push(tmp_path / "layout", "one", "placed/app:1")
    server.verdict(digest)
    kept = run_tidegate(
        *(server.home, "vend", "restrict", "placed/app:1", "--where", "nodes:region=eu", "--reason", "data of the bank")
    )
    assert kept.returncode == 0, kept.stderr
    file = tmp_path / "pod.yaml"
    file.write_text(POD)
    told = run_tidegate(server.home, "placement", "explain", str(file))
    (addition,) = json.loads(told.stdout)[0]["additions"]
    assert (addition["path"], addition["value"]) == ("/spec/nodeSelector/region", "eu")
    assert "data of the bank" in addition["by"]
    admitted = run_tidegate(server.home, "admit", str(file), "--to", "execution", "--format", "json")
    assert admitted.returncode == 0, admitted.stderr
    assert json.loads(admitted.stdout)["documents"][0]["spec"]["nodeSelector"] == {"region": "eu"}
    file.write_text(POD + "  nodeSelector: {region: us}\n")
    denied = run_tidegate(server.home, "admit", str(file), "--to", "execution")
    assert denied.returncode == 1
    assert "nodeSelector asks for region = us" in denied.stderr
