"""One Jupyter server, one browser, and one notebook for each application.

Starting them takes seconds, so tests share them. Playwright's event loop runs in the
main thread while it lives, and ends with this folder: other tests start their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect

from browser.jupyter_server import JupyterServer
from browser.notebook_page import App, NotebookPage
from browser.profile import Profile
from browser.start import browsing, find_chromium, jupyter_for
from openrouter_server import OpenRouterServer

# The machine may be busy; what is right is there at once all the same.
expect.set_options(timeout=30_000)

APPS: tuple[App, ...] = ("lab", "notebook")


@pytest.fixture(scope="package")
def jupyter(
    running_server: OpenRouterServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """A Jupyter server whose kernels ask the test server."""
    with jupyter_for(running_server, tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless browser."""
    path = find_chromium()
    if path is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with browsing(path, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="package")
def profile(chromium: Browser, jupyter: JupyterServer) -> Iterator[Profile]:
    """The profile of one reader."""
    with closing(Profile(chromium, jupyter)) as profile:
        yield profile


@pytest.fixture(scope="package", params=APPS)
def app(request: pytest.FixtureRequest) -> App:
    """Each application."""
    chosen: App = request.param
    return chosen


@pytest.fixture(scope="package")
def opened(app: App, profile: Profile) -> Iterator[NotebookPage]:
    """A notebook of each application, with the extension loaded."""
    with closing(NotebookPage(app, profile)) as page:
        page.begin("shared")
        yield page


@pytest.fixture
def notebook(opened: NotebookPage, server: OpenRouterServer) -> Iterator[NotebookPage]:
    """That notebook for one test; whatever the test shows, nothing in it may act."""
    server.reset()
    yield opened
    assert opened.watch.take_faults() == []


@pytest.fixture(scope="package")
def spare(profile: Profile) -> Iterator[Callable[[App], NotebookPage]]:
    """Return a second window of an application, in which notebooks follow each other.

    It is opened once, when it is first asked for.
    """
    windows: dict[App, NotebookPage] = {}

    def window_of(app: App) -> NotebookPage:
        if app not in windows:
            windows[app] = NotebookPage(app, profile)
        return windows[app]

    yield window_of
    for each in windows.values():
        each.close()


@pytest.fixture
def window(
    request: pytest.FixtureRequest,
    app: App,
    spare: Callable[[App], NotebookPage],
    server: OpenRouterServer,
) -> Iterator[NotebookPage]:
    """That window, with a new notebook for a test that needs another one."""
    server.reset()
    page = spare(app)
    page.begin(request.node.name.partition("[")[0])
    yield page
    assert page.watch.take_faults() == []


@pytest.fixture
def new_window(
    request: pytest.FixtureRequest,
    app: App,
    profile: Profile,
    server: OpenRouterServer,
) -> Iterator[NotebookPage]:
    """A window that no test had before, for one that draws very much in it."""
    server.reset()
    with closing(NotebookPage(app, profile)) as page:
        page.begin(request.node.name.partition("[")[0])
        yield page
        assert page.watch.take_faults() == []
