"""What one call of the program said."""

import json

from typer.testing import CliRunner

from dse.cli.main import app


class Said:
    """What one call of the program said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The output as strict JSON: NaN and infinity are none."""

        def refuse(text):
            raise AssertionError(f"{text} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    def refused(self, *words):
        """Exit code 2, every word on stderr, nothing that a user cannot read."""
        assert self.code == 2, self.out + self.err
        assert "Traceback" not in self.out + self.err
        told = " ".join(self.err.split())
        for word in words:
            assert word in told, f"{word!r} not in {told!r}"
        return self


def call(*args):
    """Run the program in this process; a mistake of ours is raised, not hidden in an exit code."""
    result = CliRunner().invoke(app, [str(a) for a in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)
