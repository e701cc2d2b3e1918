"""The configuration of a renewd, read from its two files: `renewd.yaml` and the `policy.yaml` that it names.

yaml_file, syntax     text to data with positions (document)
validation            data to models
together              what must hold between the files; `renewal.coherence` has what must hold in the policy
loading               one file through all of that
problems              what is wrong, for people
origins, schemas      which line decided what; JSON Schemas for editors
reference             both files, key by key, for people
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from renewd.adapters.configuration.document import Finding
from renewd.adapters.configuration.loading import Draft, Loaded, draft, load
from renewd.adapters.configuration.origins import Origin, origins
from renewd.adapters.configuration.problems import ConfigurationError, Problem, render, render_for_github
from renewd.adapters.configuration.reference import reference
from renewd.adapters.configuration.schemas import schema
from renewd.adapters.configuration.together import in_policy, in_settings
from renewd.addresses import passwords_in
from renewd.renewal.coherence import incoherences
from renewd.renewal.model import Subscription
from renewd.renewal.policy import Policy
from renewd.seal.keys import SigningKey
from renewd.secret import IN_THE_ENVIRONMENT
from renewd.settings import Settings
from renewd.state import database_url, logs_directory, state_directory

__all__ = [
    "Configuration",
    "ConfigurationError",
    "Loaded",
    "Origin",
    "Problem",
    "exposed_secrets",
    "load",
    "load_configuration",
    "missing_secrets",
    "origin_lines",
    "reference",
    "render",
    "render_for_github",
    "schema",
    "secret_values",
]


@dataclass(frozen=True, slots=True)
class Configuration:
    """Both files, and the folder of `renewd.yaml`."""

    settings_file: Loaded[Settings]
    policy_file: Loaded[Policy]
    folder: Path

    @property
    def settings(self) -> Settings:
        """What `renewd.yaml` says."""
        return self.settings_file.value

    @property
    def policy(self) -> Policy:
        """What `policy.yaml` says."""
        return self.policy_file.value

    def state_directory(self, environ: Mapping[str, str] = os.environ) -> Path:
        """Give the directory that relative paths of state lie in; it need not be there yet."""
        return state_directory(self.folder, environ)

    def audit_file(self, environ: Mapping[str, str] = os.environ) -> Path | None:
        """Give the file that the audit log is written to besides the database, if there is one."""
        named = self.settings.audit.file
        return logs_directory(self.folder, environ) / named if named else None

    def database_url(self, environ: Mapping[str, str] = os.environ) -> str:
        """Give the database's URL. Raises ValueError when it is a secret that cannot be read."""
        return database_url(self.settings, self.folder, environ)


# Stands for a policy file that cannot be used, where none is needed.
NO_POLICY = Policy.model_construct(version=1, plans={})


def load_configuration(path: Path, *, without_policy: bool = False) -> Configuration:
    """Read both files. Raises ConfigurationError with every problem of either, and of the two together.

    `without_policy` makes do with NO_POLICY when the policy alone is wrong.
    """
    settings = draft(path, Settings)
    policy = _draft_of_policy(path.parent, settings)
    if settings.value:
        settings.report(in_settings(settings.value))
    if policy.value:
        policy.report(Finding(*each) for each in incoherences(policy.value))
    if settings.value and policy.value:
        policy.report(in_policy(settings.value, policy.value))
    if without_policy and policy.problems and not settings.problems and settings.document:
        return Configuration(settings.loaded(), Loaded(NO_POLICY, settings.document), path.parent)
    if settings.problems or policy.problems:
        raise ConfigurationError([*settings.problems, *policy.problems])
    return Configuration(settings.loaded(), policy.loaded(), path.parent)


def missing_secrets(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> list[Problem]:
    """Find the secrets that cannot be read from where the file says they are, and a database whose URL is none."""
    missing = []
    for path, secret in configuration.settings.secrets():
        try:
            read = configuration.database_url if path == ("database",) else secret.reveal
            text = read(environ)
            if path == ("audit", "key"):
                SigningKey.parse(text).public  # noqa: B018  # what it takes to sign is there
        except ValueError as error:
            missing.append(configuration.settings_file.document.problem(Finding(path, str(error))))
    return missing


def secret_values(configuration: Configuration, environ: Mapping[str, str] = os.environ) -> set[str]:
    """Give what no log may show: each secret, and of a database's URL its password too. Raises ValueError."""
    given = [each for _, each in configuration.settings.secrets() if each.how != "plain"]
    values = {each.reveal(environ) for each in given}
    return values.union(*map(passwords_in, values))


def exposed_secrets(configuration: Configuration) -> list[Problem]:
    """Warn of the secrets that are kept where more can see them than need to."""
    document = configuration.settings_file.document
    return [
        replace(document.problem(Finding(path, IN_THE_ENVIRONMENT)), severity="warning")
        for path, secret in configuration.settings.secrets()
        if secret.how == "env"
    ]


def origin_lines(configuration: Configuration, subscription: Subscription) -> list[Origin]:
    """Say of each term of a subscription which line decided it. Raises KeyError when its plan is unknown."""
    return origins(configuration.policy_file, subscription)


def _draft_of_policy(folder: Path, settings: Draft[Settings]) -> Draft[Policy]:
    """Read the policy file, even where the other is wrong: all problems are told at once."""
    document = settings.document
    if document is None:
        return Draft()
    data = document.data if isinstance(document.data, dict) else {}
    named = data.get("policy", "policy.yaml")
    policy = draft(folder / (named if isinstance(named, str) else "policy.yaml"), Policy)
    if policy.document is None:
        advice = f"named in {document.file}, line {document.spot_of(('policy',)).line}"
        policy.problems = [
            replace(each, help=advice) if not each.source_line else each for each in policy.problems
        ]
    return policy
