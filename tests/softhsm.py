"""Tokens of SoftHSM, in a folder of the tests' own."""

import os
import subprocess
from glob import glob
from pathlib import Path

from attrs import frozen

from tests.programs import program

PIN, SO_PIN = "471182", "090817"
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so", "/usr/lib*/pkcs11/libsofthsm2.so")


@frozen
class SoftHsm:
    """A configuration, which `SOFTHSM2_CONF` names to whoever loads `module`."""

    folder: Path
    configuration: Path
    module: str

    @classmethod
    def new(cls, folder: Path) -> "SoftHsm":
        """One without tokens. A test without SoftHSM is skipped, or fails if it is required."""
        program("softhsm2-util")
        (module,) = [found for pattern in _MODULES for found in glob(pattern)][:1]
        tokens, configuration = folder / "tokens", folder / "softhsm2.conf"
        tokens.mkdir()
        configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        return cls(folder, configuration, module)

    @property
    def tokens(self) -> Path:
        """Where the tokens are kept."""
        return self.folder / "tokens"

    def new_token(self, label: str) -> None:
        """Make a token. The library sees it if it is loaded afterwards."""
        command = [program("softhsm2-util"), "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN]
        environment = {**os.environ, "SOFTHSM2_CONF": str(self.configuration)}
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=30)

    def pin_file(self, pin: str = PIN) -> Path:
        """A file with the PIN that only its owner can read."""
        file = self.folder / f"pin-{pin}"
        file.write_text(f"{pin}\n")
        file.chmod(0o600)
        return file
