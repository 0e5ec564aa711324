"""Where the tests find the project, and what lies beside it."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGE = ROOT / "stepmagic"
SHARED = ROOT.parent / "shared"
"""Test data outside the project; tests that need it are skipped where it is absent."""
