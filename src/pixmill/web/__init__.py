"""
The website: a page on which anybody makes pictures small, and a dashboard for those who sign in.

Read `page.py` first (what a page is, and what its handler gets), then `endpoint.py` (what happens
round each handler), then one of `pages/`.
"""
