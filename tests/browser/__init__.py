"""JupyterLab and Notebook 7 in a real browser.

``jupyter_server`` starts the server, ``notebook_page`` drives one notebook in a page,
``watch`` keeps what the browser did on its own account, ``page.js`` measures inside the
page, ``figures`` tells what an answer costs it. Tests look at what a reader sees, never
at the messages that brought it there.
"""
