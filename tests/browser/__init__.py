"""JupyterLab and Notebook 7 in a real browser.

``jupyter_server`` starts the server, ``notebook_page`` drives one notebook in a page,
``watch`` records what the browser did by itself, ``page.js`` measures inside the
page, ``figures`` measures what an answer costs it. Tests look at what a reader sees,
never at the messages that brought it there.
"""
