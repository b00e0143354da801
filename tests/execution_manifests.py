# SPDX-License-Identifier: Apache-2.0
"""Manifests as people write them."""

DEPLOYMENT = b"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
  namespace: web
  labels: {app: shop, team: storefront}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop}
    spec:
      initContainers:
        - name: migrate
          image: registry.example:5000/shop/migrate:7
          command: [migrate, --up]
      containers:
        - name: app
          image: registry.example:5000/shop/app:7
          ports: [{containerPort: 8080}]
          env: [{name: GREETING, value: "yes"}]
          resources:
            requests: {memory: 2Gi}
        - name: proxy
          image: nginx:1.25
          securityContext:
            readOnlyRootFilesystem: false
            capabilities: {drop: [NET_RAW]}
      volumes:
        - name: config
          configMap: {name: shop}
"""
CRON_JOB = b"""\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, annotations: {tidegate.dev/owner: data-team}}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - {name: report, image: "quay.io/data/report@sha256:%s"}
""" % (b"ab" * 32)
PRIVILEGED_POD = b"""\
apiVersion: v1
kind: Pod
metadata: {name: agent}
spec:
  hostNetwork: true
  hostPID: true
  containers:
    - name: agent
      image: agent:1
      securityContext: {privileged: true, runAsUser: 0}
      volumeMounts: [{name: root, mountPath: /host}]
  volumes:
    - name: root
      hostPath: {path: /}
"""
COMPLIANT_POD = b"""\
apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  securityContext:
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: app
      image: app:1
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}
"""
