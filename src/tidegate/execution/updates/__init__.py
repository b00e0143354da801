# SPDX-License-Identifier: Apache-2.0
"""Updates: which running workload may have which newer admitted image, why or why not, and how it gets there."""
