// SPDX-License-Identifier: Apache-2.0

// Judges pods as Kubernetes' PodSecurity admission does: one pod as JSON a line, after a level and a version.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type question struct {
	Level   string     `json:"level"`
	Version string     `json:"version"`
	Pod     corev1.Pod `json:"pod"`
}

type answer struct {
	Allowed bool     `json:"allowed"`
	Reasons []string `json:"reasons"`
}

func main() {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		version, err := api.ParseVersion(asked.Version)
		if err != nil {
			panic(err)
		}
		at := api.LevelVersion{Level: api.Level(asked.Level), Version: version}
		said := answer{Allowed: true, Reasons: []string{}}
		for _, one := range evaluator.EvaluatePod(at, &asked.Pod.ObjectMeta, &asked.Pod.Spec) {
			if !one.Allowed {
				said.Allowed = false
				said.Reasons = append(said.Reasons, one.ForbiddenReason)
			}
		}
		if err := out.Encode(said); err != nil {
			panic(fmt.Sprint(err))
		}
	}
}
