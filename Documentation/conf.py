# SPDX-License-Identifier: GPL-2.0-only
# How Sphinx reads this directory; "make htmldocs" calls it. The kernel-doc directive is the
# kernel's own extension, which finds the rest of itself through srctree in the environment.
import os
import sys

sys.path.insert(0, os.path.join(os.environ["srctree"], "Documentation/sphinx"))

project = "vfio_iommu_type1x"
extensions = ["kerneldoc"]
kerneldoc_srctree = os.path.abspath("..")
primary_domain = "c"
c_id_attributes = ["__user"]
highlight_language = "none"
html_theme = "alabaster"
html_show_copyright = False
html_copy_source = False
