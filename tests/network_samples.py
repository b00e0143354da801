# SPDX-License-Identifier: Apache-2.0
"""A shop and a bank in one cluster, declared."""

import json
from typing import Any

from tidegate.execution.network.flow_file import load_flows
from tidegate.execution.network.flows import Flows
from tidegate.execution.network.generate import policies_for
from tidegate.execution.network.network_policy import NetworkPolicy, policies_in

HEAD = "apiVersion: tidegate.dev/v1\nkind: NetworkFlows\nmetadata: {name: shop}\nspec:\n"
SHOP = (
    HEAD
    + """\
  namespaces: [empty]
  clusterAddresses: [10.244.0.0/16]
  apart: [[public, secret]]
  segments:
    - {name: web, namespace: shop, labels: {app: web}, tenant: shop, class: public}
    - {name: api, namespace: shop, labels: {app: api}, tenant: shop, class: internal}
    - {name: db, namespace: shop-data, labels: {app: db}, tenant: shop, class: secret}
    - {name: ledger, namespace: bank, tenant: bank, class: secret}
  flows:
    - {from: web, to: api, ports: [8080, metrics]}
    - {from: api, to: db, ports: [5432, 9000-9010/UDP]}
    - {from: {cidr: 0.0.0.0/0, except: [192.0.2.0/24]}, to: web, ports: [443]}
    - {from: api, to: {cidr: 203.0.113.0/28}, ports: [443]}
    - {from: api, to: ledger, ports: [7000], why: payments contract of 2026}
"""
)


def shop() -> Flows:
    return load_flows({"shop.yaml": SHOP})


def parsed(documents: list[dict[str, Any]]) -> tuple[NetworkPolicy, ...]:
    """As the API server gives them back: through JSON."""
    return policies_in(json.loads(json.dumps(documents)), where="generated")


def generated(flows: Flows) -> tuple[NetworkPolicy, ...]:
    return parsed(policies_for(flows))
