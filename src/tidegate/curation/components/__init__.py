# SPDX-License-Identifier: Apache-2.0
"""Which images have which components.

Each component is on record once, however many images have it, and knows its images as blocks of a bitmap. Writing an
image writes one row (`remembered`); what is new is put into the blocks later, many images at once (`folding`). Whoever
asks (`holders`) reads the blocks, and of images that are not folded yet what they say themselves. So new knowledge is
joined with components, not with images: a fleet of twice as many images made of the same components costs the same.
"""
