# SPDX-License-Identifier: Apache-2.0
"""The tree of settings: one frozen options class a branch, every leaf with its default, bounds and meaning.

A leaf's key is its path (`server.port`), its environment variable follows from it (`TIDEGATE_SERVER_PORT`).
docs/reference/settings.md lists them all; a test compares.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from tidegate.bounds import GIB, MIB
from tidegate.settings.cluster import ClusterSettings
from tidegate.settings.execution import ExecutionSettings, SensorSettings
from tidegate.settings.feedback import FeedbackSettings
from tidegate.settings.kubernetes import KubernetesSettings
from tidegate.settings.leaf import Leaf
from tidegate.settings.ledger import LedgerSettings
from tidegate.settings.logs import LoggingSettings
from tidegate.settings.nats import NatsSettings
from tidegate.settings.webhook import WebhookSettings

Colour = Literal["auto", "always", "never"]
CurationMode = Literal["enforce", "observe"]
MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server listens and how much it takes."""

    host: Annotated[str, Leaf(meaning="Address to listen on.")] = "127.0.0.1"
    replica: Annotated[
        str,
        Leaf(
            meaning="Name of this replica among those that share a database, the same after a restart; empty makes one "
            "up at each start."
        ),
    ] = ""
    port: Annotated[int, Leaf(meaning="Port to listen on; 0 takes a free one.", low=0, high=MAX_PORT)] = 8421
    max_upload_bytes: Annotated[int, Leaf(meaning="Largest blob accepted, in bytes.", low=1)] = 16 * GIB
    access_token_file: Annotated[
        Path | None, Leaf(meaning="File with the bearer token clients must show; empty asks for none.")
    ] = None
    tls_certificate_file: Annotated[
        Path | None, Leaf(meaning="PEM certificate chain; with the key it turns TLS on.")
    ] = None
    tls_key_file: Annotated[Path | None, Leaf(meaning="PEM private key of that certificate.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How commands reach a server elsewhere."""

    server: Annotated[
        str,
        Leaf(
            meaning="Server that verbs with `--server` ask, like `https://registry.example`; empty is the record here."
        ),
    ] = ""
    login_file: Annotated[
        Path | None,
        Leaf(
            meaning="File that `login` keeps what it got in, as Docker and Podman do; empty takes "
            "`outbound.credentials_file` where that is said, else the first named of `REGISTRY_AUTH_FILE`, "
            "`DOCKER_CONFIG` and `~/.docker/config.json`."
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where blobs are kept."""

    blobs_folder: Annotated[
        Path, Leaf(meaning="Folder of blobs and uploads; replicas may share one.", under_home="registry")
    ]
    blobs_url: Annotated[
        str,
        Leaf(
            meaning="Object store for blobs instead of a folder: `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`, "
            "`gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX?account=NAME`; no credentials in it."
        ),
    ] = ""
    credentials_file: Annotated[
        Path | None,
        Leaf(
            meaning="Credentials for it: as `~/.aws/credentials` for s3, a service account's key for gs, the account "
            "key for az; empty takes what the store's own programs would (`AWS_*`, the machine's role, …)."
        ),
    ] = None
    redirect_seconds: Annotated[
        int,
        Leaf(
            meaning="Send clients to the object store for a blob, by a link that works so long; 0 passes the bytes on.",
            low=0,
            high=604800,
        ),
    ] = 0
    database_connections: Annotated[
        int, Leaf(meaning="Connections to the database at once, of each replica.", low=4, high=1000)
    ] = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """Who is let in, and for how long."""

    token_key_file: Annotated[
        Path,
        Leaf(
            meaning="PEM private key that signs access tokens, the same for every replica; made on first use.",
            under_home="keys/token.pem",
        ),
    ]
    service: Annotated[
        str, Leaf(meaning="What access tokens are for: their audience, and the `service` that clients are told.")
    ] = "tidegate"
    token_realm: Annotated[
        str, Leaf(meaning="URL where clients fetch tokens; empty is `/token` of this server, as the client named it.")
    ] = ""
    token_minutes: Annotated[int, Leaf(meaning="Minutes an access token lasts.", low=1, high=60)] = 5
    session_minutes: Annotated[
        int, Leaf(meaning="Minutes a token lasts that a CI job's identity was exchanged for.", low=1, high=720)
    ] = 30
    refresh_days: Annotated[int, Leaf(meaning="Days a client's identity token lasts.", low=1, high=90)] = 14
    robot_max_days: Annotated[int, Leaf(meaning="Most days a robot's secret may last.", low=1, high=731)] = 90
    request_max_hours: Annotated[
        int, Leaf(meaning="Most hours a grant may last that somebody asks for.", low=1, high=8760)
    ] = 72
    issuers_file: Annotated[
        Path | None, Leaf(meaning="YAML file of OpenID issuers whose word on people and CI jobs is taken.")
    ] = None
    certificate_header: Annotated[
        str, Leaf(meaning="Header in which a trusted proxy hands on client certificates (RFC 9440); empty takes none.")
    ] = ""
    proxy_secret_file: Annotated[
        Path | None, Leaf(meaning="File with what that proxy shows in `Tidegate-Proxy-Secret`.")
    ] = None
    client_ca_file: Annotated[
        Path | None, Leaf(meaning="PEM file of authorities that client certificates must be of; empty asks the proxy.")
    ] = None
    audit_days: Annotated[int, Leaf(meaning="Days the audit trail is kept.", low=1, high=36500)] = 365
    audit_anchor_minutes: Annotated[int, Leaf(meaning="Minutes between anchors of the trail.", low=1, high=1440)] = 15
    recon_window_minutes: Annotated[
        int, Leaf(meaning="Minutes in which looking around and logging in are one incident.", low=1, high=1440)
    ] = 10
    recon_score: Annotated[
        int,
        Leaf(meaning="From when on it is looking around: a catalogue page is 5, a repository 1.", low=5, high=10_000),
    ] = 20
    recon_attempts: Annotated[int, Leaf(meaning="Failed logins afterwards that make it one.", low=1, high=1000)] = 5
    recon_block_minutes: Annotated[
        int, Leaf(meaning="Minutes the address is kept out then; 0 keeps nobody out.", low=0, high=1440)
    ] = 0
    trusted_proxies: Annotated[
        tuple[str, ...],
        Leaf(meaning="Addresses or networks of proxies whose `X-Forwarded-*` headers count, such as `10.0.0.0/8`."),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundSettings:
    """How tidegate talks to registries and advisory servers."""

    connect_timeout_s: Annotated[float, Leaf(meaning="Seconds to wait for a connection.", low=0.1, high=3600)] = 10.0
    read_timeout_s: Annotated[float, Leaf(meaning="Seconds to wait for the next bytes.", low=0.1, high=3600)] = 60.0
    total_timeout_s: Annotated[float, Leaf(meaning="Seconds for one answer, whole.", low=0.1, high=86400)] = 3600.0
    max_attempts: Annotated[int, Leaf(meaning="Tries of a request that may be repeated.", low=1, high=20)] = 4
    proxy: Annotated[
        str, Leaf(meaning="URL of an HTTP proxy; empty takes `HTTPS_PROXY` or `ALL_PROXY` of the environment.")
    ] = ""
    ca_file: Annotated[
        Path | None, Leaf(meaning="PEM file of certificate authorities to trust besides the system's.")
    ] = None
    credentials_file: Annotated[
        Path | None,
        Leaf(
            meaning="Passwords for registries, as Docker and Podman keep them; empty takes the first there is of "
            "`REGISTRY_AUTH_FILE`, `DOCKER_CONFIG` and `~/.docker/config.json`."
        ),
    ] = None
    knowledge_url: Annotated[str, Leaf(meaning="Where `db update` fetches from when `--url` is not given.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings:
    """What comes from upstream registries."""

    file: Annotated[
        Path | None, Leaf(meaning="TOML file of upstreams (docs/reference/intake.md); rules set by API stand over it.")
    ] = None
    rules_may_open: Annotated[
        tuple[str, ...],
        Leaf(meaning="Addresses that are not public and rules set by API may open, written as there: `10.1.0.0/16`."),
    ] = ()
    wait_s: Annotated[
        float, Leaf(meaning="Seconds a pull waits for an image that is being fetched and examined.", low=0, high=600)
    ] = 45.0
    workers: Annotated[int, Leaf(meaning="Names fetched from upstreams at once.", low=1, high=64)] = 4
    max_image_bytes: Annotated[
        int, Leaf(meaning="Largest image taken in, all its platforms together, in bytes.", low=1)
    ] = 32 * GIB
    watch_every_s: Annotated[
        float, Leaf(meaning="Seconds between two looks at a watched name, one tenth up or down.", low=1, high=604800)
    ] = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """How images are read."""

    workers: Annotated[int, Leaf(meaning="Layers read at once; 0 is one a processor.", low=0, high=256)] = 0
    cache_dir: Annotated[Path, Leaf(meaning="Where the facts of layers already read are kept.", under_home="cache")]
    max_layer_bytes: Annotated[int, Leaf(meaning="Largest layer, uncompressed, in bytes.", low=1)] = 64 * GIB
    max_entries: Annotated[int, Leaf(meaning="Most entries in one layer.", low=1)] = 5_000_000
    max_ratio: Annotated[int, Leaf(meaning="Most uncompressed bytes for one compressed byte of a layer.", low=1)] = 200
    sector: Annotated[
        str, Leaf(meaning="Sector whose threats findings are weighed for: `finance`, `health`, …; empty for none.")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Which judgement applies."""

    files: Annotated[
        tuple[Path, ...], Leaf(meaning="Files of policies, all of which must agree, with the profiles below.")
    ] = ()
    profiles: Annotated[
        tuple[str, ...],
        Leaf(meaning="Shipped profiles that apply (`default`, `custody`, `licences`); `default` without any policy."),
    ] = ()
    exceptions: Annotated[tuple[Path, ...], Leaf(meaning="Files of exceptions.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CurationSettings:
    """How the registry hands images out, and how long it keeps them."""

    mode: Annotated[
        CurationMode,
        Leaf(meaning="`enforce` withholds what may not be served; `observe` serves it and tells what it would refuse."),
    ] = "enforce"
    verdict_wait_s: Annotated[
        float,
        Leaf(
            meaning="Seconds a pull waits for the verdict over what was pushed just now; 0 for none.", low=0, high=600
        ),
    ] = 10.0
    keeping_files: Annotated[
        tuple[Path, ...], Leaf(meaning="Files of rules: which tags are immutable, and what is kept how long.")
    ] = ()
    scrub_every_s: Annotated[
        float, Leaf(meaning="Seconds in which every stored blob is hashed again once; 0 for never.", low=0)
    ] = 2_592_000.0
    scrub_bytes_per_s: Annotated[
        int, Leaf(meaning="Bytes a second that a server reads for that; 0 for as fast as it goes.", low=0)
    ] = 16 * MIB
    damaged_keep_s: Annotated[float, Leaf(meaning="Seconds damaged bytes are kept; 0 for ever.", low=0)] = 2_592_000.0
    repair_folders: Annotated[
        tuple[Path, ...],
        Leaf(meaning="Folders with good copies of blobs: of a replica, a backup, or an OCI layout."),
    ] = ()
    repair_registries: Annotated[
        tuple[str, ...],
        Leaf(meaning="Registries with good copies: `mirror.example`, or `mirror.example/ours` where names begin so."),
    ] = ()
    retention_every_s: Annotated[
        float, Leaf(meaning="Seconds between runs of the retention rules; 0 for never.", low=0, high=2_592_000)
    ] = 86_400.0
    gc_every_s: Annotated[
        float, Leaf(meaning="Seconds between collections of blobs nobody needs; 0 for never.", low=0, high=2_592_000)
    ] = 300.0
    gc_grace_s: Annotated[
        float,
        Leaf(meaning="Seconds a blob stays that no manifest needs: the time a push may take.", low=0, high=2_592_000),
    ] = 86_400.0
    indexes_in_part: Annotated[
        bool, Leaf(meaning="Serve an index though some of its platforms are withheld; it says which.")
    ] = False
    artifacts: Annotated[
        tuple[str, ...],
        Leaf(meaning="Types of artifacts that are no images and are examined like them (`*` for anything)."),
    ] = (
        "application/vnd.cncf.helm.config.v1+json",
        "application/vnd.wasm.config.v*+json",
        "application/vnd.cyclonedx+json",
        "application/spdx+json",
    )
    owners: Annotated[
        tuple[str, ...], Leaf(meaning="Who owns repositories, before what images say: `team-a/*=team-a@example.com`.")
    ] = ()
    vend_to: Annotated[
        tuple[str, ...], Leaf(meaning="Registries images may be promoted to (host or host:port, `*` for anything).")
    ] = ()
    webhooks_may_reach: Annotated[
        tuple[str, ...],
        Leaf(meaning="Addresses that are not public and webhooks may call: `10.1.0.0/16`, `127.0.0.1:8080`."),
    ] = ()
    zones: Annotated[
        tuple[str, ...], Leaf(meaning="Which addresses places have that restrictions name: `prod-eu=10.1.0.0/16`.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSettings:
    """Keys, and the names statements are made under."""

    key_file: Annotated[
        Path,
        Leaf(
            meaning="PEM private key that signs statements; made on first use of the server.",
            under_home="keys/signing.pem",
        ),
    ]
    ledger_key_file: Annotated[
        Path,
        Leaf(
            meaning="Key that signs the ledger's checkpoints; made on first use of the server.",
            under_home="keys/ledger.pem",
        ),
    ]
    encryption_key_file: Annotated[
        Path,
        Leaf(
            meaning="PEM private key of the server among recipients of encrypted copies; made on first use.",
            under_home="keys/encryption.pem",
        ),
    ]
    webhook_key_file: Annotated[
        Path,
        Leaf(
            meaning="Key that secrets of webhooks are kept under, the same for every replica; made on first use.",
            under_home="keys/webhooks.key",
        ),
    ]
    trusted_keys: Annotated[
        tuple[Path, ...], Leaf(meaning="PEM public keys whose signatures count, beside our own.")
    ] = ()
    trust_policy_file: Annotated[
        Path | None,
        Leaf(meaning="Trust policy (YAML) by which signatures found on images are verified; none, and they are not."),
    ] = None
    signer_id: Annotated[str, Leaf(meaning="Who signs, in statements; empty is the key's own id.")] = ""
    verifier_id: Annotated[str, Leaf(meaning="Who judges, in verification summaries (a URI).")] = (
        "https://tidegate.dev/verifier"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The root of the tree."""

    home: Annotated[Path, Leaf(meaning="Folder for everything tidegate keeps.")]
    db: Annotated[Path, Leaf(meaning="The knowledge file.", under_home="knowledge.db")]
    database_url: Annotated[
        str,
        Leaf(
            meaning="`postgresql://USER@HOST/NAME` for the server's state, shared by all its replicas; empty is SQLite "
            "in the home folder. A password belongs into the environment or a `passfile`."
        ),
    ] = ""
    colour: Annotated[
        Colour, Leaf(meaning="Colours: `always`, `never`, or `auto`: on a terminal, and not with `NO_COLOR`.")
    ] = "auto"
    debug: Annotated[bool, Leaf(meaning="Show the traceback of an unexpected error.")] = False
    server: ServerSettings
    client: ClientSettings
    storage: StorageSettings
    identity: IdentitySettings
    outbound: OutboundSettings
    intake: IntakeSettings
    scan: ScanSettings
    policy: PolicySettings
    curation: CurationSettings
    feedback: FeedbackSettings
    execution: ExecutionSettings
    sensor: SensorSettings
    kubernetes: KubernetesSettings
    cluster: ClusterSettings
    webhook: WebhookSettings
    signing: SigningSettings
    ledger: LedgerSettings
    nats: NatsSettings
    logging: LoggingSettings
