"""Settings: default < environment < configuration, and what cannot be used."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest
from traitlets import TraitError
from traitlets.config import Config

from stepmagic.errors import SettingError
from stepmagic.settings import DEFAULT_MODEL, Kernel, Owner, StepMagic, current

NAMES = sorted(StepMagic.class_own_traits(config=True))


@pytest.fixture
def shell(bare_shell: Any) -> Any:
    """Return a shell that has loaded the extension's settings."""
    bare_shell.configurables.append(current())
    return bare_shell


def test_defaults_ask_step_flash_at_openrouter_over_chat() -> None:
    settings = current()
    assert settings.model == DEFAULT_MODEL == "stepfun/step-3.7-flash"
    assert settings.base_url == "https://openrouter.ai/api/v1"
    assert (settings.api, settings.effort, settings.stream) == ("chat", "", True)
    assert (settings.referer, settings.title) == ("", "")
    assert (settings.image_longest_side, settings.preview_tokens) == (2048, 2000)
    assert settings.above_tokens == 8000


def test_settings_are_one_for_the_process() -> None:
    current().model = "a/b"
    assert current().model == "a/b"


def test_dicts_are_not_shared_between_instances() -> None:
    StepMagic().parameters["seed"] = 1
    assert StepMagic().parameters == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("model", "local/smollm2", "local/smollm2"),
        ("effort", "low", "low"),
        ("effort", "", ""),
        ("api", "messages", "messages"),
        ("base_url", "http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1"),
        ("system", "", ""),
        ("parameters", '{"stop": "a=b", "logprobs": true}', None),
        ("stream", "false", False),
        ("stream", "1", True),
        ("live", "off", "off"),
        ("retries", "0", 0),
        ("image_longest_side", "512", 512),
        ("preview_tokens", "100", 100),
        ("above_tokens", "500", 500),
        ("connect_timeout_s", "2", 2.0),
        ("idle_timeout_s", "0.5", 0.5),
        ("total_timeout_s", "60", 60.0),
        ("referer", "https://example.org", "https://example.org"),
        ("title", "demo", "demo"),
    ],
)
def test_environment_comes_before_the_default(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(f"STEPMAGIC_{name.upper()}", text)
    if name == "parameters":
        value = {"stop": "a=b", "logprobs": True}
    assert getattr(current(), name) == value


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("effort", "hgih", r"effort takes any of \['', 'high', 'medium', 'low'\]"),
        ("api", "soap", "api takes any of"),
        ("live", "yes", "live takes any of"),
        ("stream", "perhaps", "stream takes a boolean"),
        ("retries", "-1", "retries takes an int from 0 up"),
        ("retries", "many", "retries takes an int from 0 up"),
        ("image_longest_side", "15", "image_longest_side takes an int from 16 up"),
        ("preview_tokens", "99", "preview_tokens takes an int from 100 up"),
        ("above_tokens", "499", "above_tokens takes an int from 500 up"),
        ("idle_timeout_s", "soon", "idle_timeout_s takes a float from 0 up"),
        ("parameters", "{'a'", "parameters takes a dict"),
        ("parameters", "[1]", "parameters takes a dict"),
    ],
)
def test_unusable_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, wanted: str
) -> None:
    variable = f"STEPMAGIC_{name.upper()}"
    monkeypatch.setenv(variable, text)
    settings = current()
    with pytest.raises(SettingError, match=wanted) as caught:
        getattr(settings, name)
    assert f"{variable}={text!r}" in str(caught.value)
    assert f"set %config StepMagic.{name}" in str(caught.value)


def test_configuration_comes_before_an_unusable_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STEPMAGIC_API", "soap")
    current().api = "chat"
    assert current().api == "chat"


def test_configuration_file_comes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STEPMAGIC_MODEL", "from/environment")
    settings = current()
    assert settings.model == "from/environment"
    settings.update_config(Config({"StepMagic": {"model": "from/file", "retries": 1}}))
    assert (settings.model, settings.retries) == ("from/file", 1)


def test_unusable_value_in_a_configuration_is_refused() -> None:
    with pytest.raises(TraitError, match="api"):
        current().update_config(Config({"StepMagic": {"api": "soap"}}))
    assert current().api == "chat"


def test_percent_config_changes_a_setting(shell: Any) -> None:
    shell.run_line_magic("config", "StepMagic.model = 'a/b'")
    shell.run_line_magic("config", "StepMagic.parameters = {'seed': 1}")
    assert (current().model, current().parameters) == ("a/b", {"seed": 1})


def test_percent_config_shows_every_setting(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("config", "StepMagic")
    shown = capsys.readouterr().out
    for name in NAMES:
        assert f"StepMagic.{name}=" in shown


def test_percent_config_knows_close_names(
    shell: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shell.run_line_magic("config", "StepMagic.efort = 'low'")
    assert "Did you mean `effort`" in caplog.text


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_help(name: str) -> None:
    assert StepMagic.class_own_traits()[name].help.endswith(".")


# The table of the kernel's state


class Closed(Owner):
    """Notes in which order what was made is closed."""

    order: ClassVar[list[str]] = []

    def close(self) -> None:
        self.order.append(type(self).__name__)


class Other(Closed):
    """Another of them."""


class Lasting(Closed):
    """One that a reset leaves."""

    stays_at_reset = True


def test_kernel_has_one_object_of_each_class() -> None:
    kernel = Kernel()
    assert kernel.find(Closed) is None
    made = kernel.get(Closed)
    assert kernel.get(Closed) is kernel.find(Closed) is made
    assert kernel.get(Other) is not made


def test_reset_closes_the_youngest_first_and_leaves_what_lasts() -> None:
    Closed.order.clear()
    kernel = Kernel()
    first, lasting = kernel.get(Closed), kernel.get(Lasting)
    kernel.get(Other)
    kernel.get(dict)
    kernel.reset()
    assert Closed.order == ["Other", "Closed"]
    assert kernel.get(Closed) is not first
    assert kernel.get(Lasting) is lasting
    assert kernel.find(dict) is None


def test_threads_that_ask_at_once_get_the_same_object() -> None:
    """The first two to look find none, and wait for each other to have looked."""
    meeting = threading.Barrier(2)

    class Slow:
        def __init__(self) -> None:
            meeting.wait(timeout=10)

    kernel, got = Kernel(), []
    threads = [
        threading.Thread(target=lambda: got.append(kernel.get(Slow))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got[0] is got[1] is kernel.get(Slow)
