# SPDX-License-Identifier: Apache-2.0
"""What other tools found in a source folder or in what runs of it (SAST, DAST, tests), taken in as findings of ours."""
