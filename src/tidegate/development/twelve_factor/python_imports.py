# SPDX-License-Identifier: Apache-2.0
"""Which distributions bring a Python module: well-known ones only, so that a missing one surely is missing."""

from collections.abc import Mapping
from typing import Final

_SAME: Final = (
    "aiohttp alembic arrow boto3 botocore celery click cryptography django fastapi flask gevent gunicorn "
    "httpx jinja2 lxml "
    "matplotlib numpy pandas paramiko peewee pika psutil pydantic pymongo pymysql redis requests rich scipy "
    "sqlalchemy "
    "starlette structlog tenacity tornado typer uvicorn"
)

DISTRIBUTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: (name,) for name in _SAME.split()},
    "PIL": ("pillow", "pillow-simd"),
    "bs4": ("beautifulsoup4", "bs4"),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python"),
    "dateutil": ("python-dateutil",),
    "dotenv": ("python-dotenv",),
    "elasticsearch": ("elasticsearch", "elasticsearch7", "elasticsearch8"),
    "environ": ("django-environ",),
    "flask_cors": ("flask-cors",),
    "flask_sqlalchemy": ("flask-sqlalchemy",),
    "grpc": ("grpcio",),
    "jwt": ("pyjwt",),
    "MySQLdb": ("mysqlclient",),
    "psycopg": ("psycopg", "psycopg-binary"),
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "rest_framework": ("djangorestframework",),
    "sklearn": ("scikit-learn",),
    "yaml": ("pyyaml", "ruamel-yaml"),
    "zmq": ("pyzmq",),
}
