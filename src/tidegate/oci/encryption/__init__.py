# SPDX-License-Identifier: Apache-2.0
"""Encrypted layers in ocicrypt's form, which skopeo, podman, buildah and containerd read and write.

Import by module: `keys` (of recipients, and private ones), `jwe` (a secret wrapped for recipients), `options` (what is
said of a cipher), `wrapping` (the annotations that carry both), `block_cipher` (bytes to and fro), `layer`, `image` (a
layer, an image to and fro), `opened` (an encrypted layer read like any other). The libraries behind them take 0.1 s to
import, so nothing is imported here.
"""
