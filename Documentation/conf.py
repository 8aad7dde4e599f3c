# SPDX-License-Identifier: GPL-2.0
#
# How Sphinx builds this manual.  The kernel-doc directive and the script
# behind it come out of a kernel source tree, which Documentation/build names.

import os
import sys

srctree = os.path.abspath("..")
linux = os.path.abspath(
    os.environ.get("LINUX_SOURCE", srctree + "/build/linux-source-6.1"))

sys.path.insert(0, linux + "/Documentation/sphinx")
extensions = ["kerneldoc", "automarkup"]
kerneldoc_bin = linux + "/scripts/kernel-doc"
kerneldoc_srctree = srctree
kerneldoc_verbosity = 1

project = "Mailbox IPC"
author = "the authors of Mailbox IPC"
copyright = author
master_doc = "index"
exclude_patterns = ["man"]
primary_domain = "c"
c_id_attributes = ["__user"]
highlight_language = "none"
smartquotes = False

html_theme = "alabaster"
html_theme_options = {
    "description": "Mailboxes for Linux processes",
    "fixed_sidebar": True,
    "page_width": "72em",
    "show_powered_by": False,
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
