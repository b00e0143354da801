# SPDX-License-Identifier: Apache-2.0
"""Every guardrail by name, in the order of the factors; what looks for them lies beside, by what is looked at."""

from typing import Final

from tidegate.development.twelve_factor.rule import Rule
from tidegate.evidence import Severity

NO_LOCK_FILE: Final = Rule(
    id="TG-12F-201",
    factor=2,
    title="Dependencies without a lock file",
    severity=Severity.MEDIUM,
    why="tomorrow's build has other versions than today's, and nobody can say which",
    fix="write the lock file with the package manager, and commit it",
)
UNPINNED: Final = Rule(
    id="TG-12F-202",
    factor=2,
    title="Requirements without versions",
    severity=Severity.LOW,
    why="the image gets whatever is newest on the day it is built",
    fix="write name==version, with hashes where you can (pip-compile --generate-hashes, uv pip compile)",
)
UNDECLARED_INSTALL: Final = Rule(
    id="TG-12F-203",
    factor=2,
    title="Package installed that no manifest declares",
    severity=Severity.LOW,
    why="it is a dependency that neither the lock file nor a review of it shows",
    fix="declare it in the manifest and its lock file, or name its version here",
)
LOCK_FILE_PASSED_OVER: Final = Rule(
    id="TG-12F-204",
    factor=2,
    title="Lock file there, but not held to",
    severity=Severity.LOW,
    why="the install may change what the lock file says, and does so without a word",
    fix="npm ci; yarn install --frozen-lockfile (--immutable); pnpm install --frozen-lockfile",
)
UNDECLARED_IMPORT: Final = Rule(
    id="TG-12F-205",
    factor=2,
    title="Import that no manifest declares",
    severity=Severity.LOW,
    why="it works only as long as something else happens to bring it in",
    fix="declare it as a dependency of this package",
)
ENV_FILE_COMMITTED: Final = Rule(
    id="TG-12F-301",
    factor=3,
    title="Environment file with credentials beside the code",
    severity=Severity.MEDIUM,
    why="whoever has the code has the credentials, and every deployment shares them",
    fix="take it out of version control, change the credentials, and keep a .env.example without values",
)
ENV_FILE_SHIPPED: Final = Rule(
    id="TG-12F-302",
    factor=3,
    title="Environment file copied into the image",
    severity=Severity.MEDIUM,
    why="the image carries one deployment's configuration, and whoever pulls it reads it",
    fix="name .env in .dockerignore, and hand the variables in when the container starts",
)
CONNECTION_STRING: Final = Rule(
    id="TG-12F-303",
    factor=3,
    title="Connection string with credentials in the code",
    severity=Severity.MEDIUM,
    why="another deployment needs another build, and the credentials are in the history for ever",
    fix="read it from an environment variable, without a default that holds credentials",
)
SERVICE_ADDRESS: Final = Rule(
    id="TG-12F-304",
    factor=3,
    title="Address of a backing service in the code",
    severity=Severity.LOW,
    why="the service cannot be exchanged without another build",
    fix="read the address from an environment variable",
)
SETTING_WITH_SECRET: Final = Rule(
    id="TG-12F-305",
    factor=3,
    title="Credential in a settings file",
    severity=Severity.MEDIUM,
    why="every deployment shares it, and it is in the history for ever",
    fix="read it from the environment: ${NAME} in Spring and Compose, os.environ in Python, process.env in Node",
)
SERVICE_INSIDE: Final = Rule(
    id="TG-12F-401",
    factor=4,
    title="Backing service inside the application's image",
    severity=Severity.MEDIUM,
    why="its data dies with the container, and it cannot be attached, scaled or patched by itself",
    fix="run it as a service of its own, and reach it by an address from the environment",
)
BUILDS_AT_START: Final = Rule(
    id="TG-12F-501",
    factor=5,
    title="Built when it starts",
    severity=Severity.MEDIUM,
    why="what runs is not what was built and scanned, and a start needs the network and minutes",
    fix="do it in a RUN step, in a stage of its own, and start only what it made",
)
STICKY_SESSIONS: Final = Rule(
    id="TG-12F-601",
    factor=6,
    title="Sticky sessions",
    severity=Severity.LOW,
    why="a process that ends takes its users' sessions along, and load is spread unevenly",
    fix="keep sessions in a store that all processes share (Redis, a database, a signed cookie)",
)
LOCAL_SESSIONS: Final = Rule(
    id="TG-12F-602",
    factor=6,
    title="Sessions kept in the process or its files",
    severity=Severity.MEDIUM,
    why="a second process knows nothing of them, and a restart ends them all",
    fix="keep sessions in a store that all processes share (Redis, a database, a signed cookie)",
)
LOOPBACK: Final = Rule(
    id="TG-12F-701",
    factor=7,
    title="Listens on the loopback address only",
    severity=Severity.MEDIUM,
    why="nothing outside the container reaches it, however its port is published",
    fix="listen on 0.0.0.0 (or ::), and let the network policy say who may come",
)
FIXED_PORT: Final = Rule(
    id="TG-12F-702",
    factor=7,
    title="Port written into the code",
    severity=Severity.LOW,
    why="whoever runs it cannot choose the port",
    fix="take it from the environment, with this one as the default",
)
OTHER_PORT: Final = Rule(
    id="TG-12F-703",
    factor=7,
    title="Exposes another port than it listens on",
    severity=Severity.LOW,
    why="what is published by EXPOSE leads to nobody",
    fix="let EXPOSE name the port the command listens on",
)
PROCESS_MANAGER: Final = Rule(
    id="TG-12F-801",
    factor=8,
    title="Process manager inside the container",
    severity=Severity.LOW,
    why="it hides from the platform what died, restarts what should be replaced, and keeps the signals to itself",
    fix="run one process per container, and let the platform restart and scale each",
)
SEVERAL_PROCESSES: Final = Rule(
    id="TG-12F-802",
    factor=8,
    title="Several daemons in one container",
    severity=Severity.MEDIUM,
    why="when the one in the background dies nobody learns of it, and they cannot be scaled apart",
    fix="give each a container of its own",
)
NO_EXEC: Final = Rule(
    id="TG-12F-901",
    factor=9,
    title="Start script that stays in the way of signals",
    severity=Severity.MEDIUM,
    why="the shell is process 1 and keeps SIGTERM from the program: every stop ends in a kill after the grace period",
    fix='start the program with exec: exec "$@"',
)
KILLED_AT_ONCE: Final = Rule(
    id="TG-12F-902",
    factor=9,
    title="Killed without a chance to end",
    severity=Severity.MEDIUM,
    why="requests under way are cut off, and what was not yet written is lost",
    fix="stop with SIGTERM, and give some seconds of grace",
)
PACKAGE_MANAGER_STARTS: Final = Rule(
    id="TG-12F-903",
    factor=9,
    title="Package manager as process 1",
    severity=Severity.LOW,
    why="it stands between the runtime and the program: signals and exit status depend on what it makes of them",
    fix='start the program itself: CMD ["node", "server.js"]',
)
DEVELOPMENT_SERVER: Final = Rule(
    id="TG-12F-1001",
    factor=10,
    title="Development server in the image",
    severity=Severity.MEDIUM,
    why="it is slow, reloads code, shows tracebacks to strangers, and is not what was tested for production",
    fix="start a production server (gunicorn, uvicorn without --reload, node, puma, php-fpm)",
)
DEVELOPMENT_MODE: Final = Rule(
    id="TG-12F-1002",
    factor=10,
    title="Development mode set in the image",
    severity=Severity.LOW,
    why="every deployment that does not say otherwise runs in it",
    fix="leave it out of the image, and set it in the Compose file of the developers",
)
OTHER_ENGINE: Final = Rule(
    id="TG-12F-1003",
    factor=10,
    title="Another backing service in development than in production",
    severity=Severity.LOW,
    why="what passes here fails there: types, collations, locks and queries differ",
    fix="use the same engine in the same major version everywhere",
)
LOG_FILE: Final = Rule(
    id="TG-12F-1101",
    factor=11,
    title="Logs to a file",
    severity=Severity.LOW,
    why="the platform does not see it, it fills the container's disk, and it is gone with the container",
    fix="write to standard output (/dev/stdout), and let the platform collect it",
)
LOG_VOLUME: Final = Rule(
    id="TG-12F-1102",
    factor=11,
    title="Place or rotation for log files in the container",
    severity=Severity.LOW,
    why="logs are kept by the application where the platform should",
    fix="write to standard output, and leave the volume or logrotate out",
)
MIGRATES_AT_START: Final = Rule(
    id="TG-12F-1201",
    factor=12,
    title="Database migrated at every start",
    severity=Severity.LOW,
    why="with two replicas two migrations race, and a rollback starts with the wrong schema",
    fix="run it as a process of its own from the same image: a Job, an init container, a release step",
)
CRON_INSIDE: Final = Rule(
    id="TG-12F-1202",
    factor=12,
    title="Scheduler inside the container",
    severity=Severity.LOW,
    why="it runs once per replica, loses the environment, and its failures are seen by nobody",
    fix="run the task as a process of its own: a CronJob, or the platform's scheduler",
)

RULES: Final = (
    *(NO_LOCK_FILE, UNPINNED, UNDECLARED_INSTALL, LOCK_FILE_PASSED_OVER, UNDECLARED_IMPORT),
    *(ENV_FILE_COMMITTED, ENV_FILE_SHIPPED, CONNECTION_STRING, SERVICE_ADDRESS, SETTING_WITH_SECRET),
    *(SERVICE_INSIDE, BUILDS_AT_START, STICKY_SESSIONS, LOCAL_SESSIONS, LOOPBACK, FIXED_PORT, OTHER_PORT),
    *(PROCESS_MANAGER, SEVERAL_PROCESSES, NO_EXEC, KILLED_AT_ONCE, PACKAGE_MANAGER_STARTS),
    *(DEVELOPMENT_SERVER, DEVELOPMENT_MODE, OTHER_ENGINE, LOG_FILE, LOG_VOLUME, MIGRATES_AT_START, CRON_INSIDE),
)

ELSEWHERE: Final = {
    1: (),
    2: ("TG-DF-018",),
    3: ("TG-DF-010", "TG-DF-011", "TG-DF-039", "TG-CP-015", "TG-K8S-022", "TG-K8S-023"),
    4: (),
    5: ("TG-DF-002", "TG-DF-003", "TG-CP-012", "TG-K8S-016"),
    6: ("TG-CP-011", "TG-K8S-004", "TG-K8S-011"),
    7: ("TG-DF-024",),
    8: (),
    9: ("TG-CP-019", "TG-DF-009", "TG-DF-025", "TG-K8S-020", "TG-K8S-021"),
    10: (),
    11: (),
    12: (),
}
"""By factor the checks of Dockerfiles, Compose files and manifests that ask for it already, and are not asked twice."""
