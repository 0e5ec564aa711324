"""``python -m stepmagic doctor``: is everything there that an answer needs?"""

from __future__ import annotations

import sys

from stepmagic.doctor import examine

_USAGE = """\
usage: python -m stepmagic doctor

  doctor    check the installation, the key, the server and the embedded engine
"""


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit status."""
    if arguments == ["doctor"]:
        findings = examine()
        sys.stdout.write("".join(f"{finding}\n" for finding in findings))
        return 0 if any(finding.answers for finding in findings) else 1
    sys.stderr.write(_USAGE)
    return 0 if arguments in ([], ["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
