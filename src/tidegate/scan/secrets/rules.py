# SPDX-License-Identifier: Apache-2.0
"""The rules, as data. A rule is precise or it is not here: every hit may refuse somebody's image."""

import re
from typing import Final

from tidegate.scan.secrets.private_key import confirm_private_key
from tidegate.scan.secrets.registry_auth import confirm_registry_auth
from tidegate.scan.secrets.rule import Rule


def _token(form: bytes) -> re.Pattern[bytes]:
    """A secret that is known by its own form, and ends where a word ends."""
    return re.compile(rb"(?P<secret>" + form + rb")(?![0-9A-Za-z_])")


def _keyed(key: bytes, form: bytes) -> re.Pattern[bytes]:
    """A secret that is known by the key before it: `key = "secret"`, in JSON, YAML, shell and ini files."""
    between = rb"\\?[\"']?(?:\s{0,8}(?:=>|:=|=|:|,)\s{0,8}|[ \t]{1,8})\\?[\"']?"
    return re.compile(rb"(?i:" + key + rb")" + between + rb"(?P<secret>" + form + rb")(?![0-9A-Za-z/+=])")


RULES: Final = (
    Rule(
        id="private-key",
        trigger=rb"-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----",
        token=_token(rb"-----BEGIN [A-Z ]{0,12}PRIVATE KEY(?: BLOCK)?-----"),
        stands_alone=False,
        in_binaries=False,  # programs carry keys to test themselves with
        confirm=confirm_private_key,
        samples=(),  # real keys of every kind are made by the test
        counter_samples=(
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\n<64:base64>\n-----END PUBLIC KEY-----",
            "-----BEGIN PRIVATE KEY-----\nzz<62:base64>\n-----END PRIVATE KEY-----",
        ),
    ),
    Rule(
        id="aws-access-key-id",
        trigger=rb"A[KS]IA[2-7A-Z]{16}",
        token=_token(rb"A[KS]IA[2-7A-Z]{16}"),
        samples=("key = AKIA<16:base32>", '{"AccessKeyId":"ASIA<16:base32>"}', "a=1\\nAKIA<16:base32>"),
        counter_samples=("AKIAIOSFODNN7EXAMPLE", "AKIA<16:x>", "XAKIA<16:base32>", "AKIA<17:base32>"),
    ),
    Rule(
        id="aws-secret-access-key",
        trigger=rb"(?i)secret_?access_?key",
        token=_keyed(rb"secret_?access_?key", rb"[0-9A-Za-z/+]{40}"),
        stands_alone=False,
        min_entropy=3.5,
        samples=(
            "aws_secret_access_key = <40:base64>",
            "ENV AWS_SECRET_ACCESS_KEY <40:base64>",
            r"\"secretAccessKey\": \"<40:base64>\"",
            '"SecretAccessKey": "<40:base64>"',
        ),
        counter_samples=(
            "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "aws_secret_access_key = <40:x>",
            "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']",
            "secret_access_key = <44:base64>",
        ),
    ),
    Rule(
        id="github-token",
        trigger=rb"gh[oprsu]_[0-9A-Za-z]{36}",
        token=_token(rb"gh[oprsu]_[0-9A-Za-z]{36,255}"),
        samples=("token: ghp_<36:alnum>", "gho_<36:alnum>", "ghs_<36:alnum>", "ghu_<36:alnum>", "ghr_<76:alnum>"),
        counter_samples=("ghp_<35:alnum>", "ghp_<36:x>", "aghp_<36:alnum>", "ghx_<36:alnum>"),
    ),
    Rule(
        id="github-fine-grained-token",
        trigger=rb"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}",
        token=_token(rb"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"),
        samples=("GH=github_pat_<22:alnum>_<59:alnum>",),
        counter_samples=("github_pat_<22:alnum>_<58:alnum>", "github_pat_<22:x>_<59:x>"),
    ),
    Rule(
        id="gitlab-token",
        trigger=rb"gl(?:pat|dt|rt|ptt|cbt)-[0-9A-Za-z_-]{20}",
        token=_token(rb"gl(?:pat|dt|rt|ptt|cbt)-[0-9A-Za-z_-]{20,300}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7})?"),
        samples=("glpat-<20:alnum>", "--token glrt-<20:alnum>", "glpat-<27:alnum>.01.<7:hex>"),
        counter_samples=("glpat-<19:alnum>", "glpat-<20:x>"),
    ),
    Rule(
        id="slack-token",
        trigger=rb"xox[abeprs]-[0-9]{10}",
        token=_token(rb"xox[abeprs]-[0-9]{10,13}-[0-9A-Za-z-]{20,200}"),
        samples=("xoxb-<12:digit>-<12:digit>-<24:alnum>", "xoxp-<11:digit>-<11:digit>-<11:digit>-<32:hex>"),
        counter_samples=("xoxb-<12:digit>-short", "xoxb-<24:x>"),
    ),
    Rule(
        id="slack-webhook",
        trigger=rb"hooks\.slack\.com/services/T[0-9A-Z]{8}",
        token=_token(rb"hooks\.slack\.com/services/T[0-9A-Z]{8,12}/B[0-9A-Z]{8,12}/[0-9A-Za-z]{24}"),
        samples=("https://hooks.slack.com/services/T<10:upper>/B<10:upper>/<24:alnum>",),
        counter_samples=("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",),
    ),
    Rule(
        id="stripe-live-key",
        trigger=rb"[rs]k_live_[0-9A-Za-z]{24}",
        token=_token(rb"[rs]k_live_[0-9A-Za-z]{24,247}"),
        samples=("sk_live_<24:alnum>", "rk_live_<99:alnum>"),
        counter_samples=("sk_test_<24:alnum>", "sk_live_<24:x>", "sk_live_<20:alnum>"),
    ),
    Rule(
        id="google-api-key",
        trigger=rb"AIza[0-9A-Za-z_-]{35}",
        token=re.compile(rb"(?P<secret>AIza[0-9A-Za-z_-]{35})(?![0-9A-Za-z_-])"),
        min_entropy=3.8,
        in_binaries=False,  # browsers carry public ones
        samples=("key=AIza<35:alnum>&x=1",),
        counter_samples=("AIza<34:alnum>", "AIza<35:x>", "AIza<36:alnum>"),
    ),
    Rule(
        id="npm-token",
        trigger=rb"npm_[0-9A-Za-z]{36}",
        token=_token(rb"npm_[0-9A-Za-z]{36}"),
        samples=("npm_<36:alnum>",),
        counter_samples=("npm_<35:alnum>", "npm_<36:x>", "npm_config_registry_something_long_enough_x"),
    ),
    Rule(
        id="npmrc-auth-token",
        trigger=rb":_authToken\s{0,4}=",
        token=re.compile(
            rb":_authToken\s{0,4}=\s{0,4}\"?(?P<secret>(?!npm_)[0-9A-Za-z/+_-]{32,255}={0,2})(?![0-9A-Za-z])"
        ),
        stands_alone=False,
        samples=("//npm.internal/:_authToken=<8:hex>-<4:hex>-<4:hex>-<4:hex>-<12:hex>",),
        counter_samples=("//npm.internal/:_authToken=${NPM_TOKEN}", "//npm.internal/:_authToken=<36:x>"),
    ),
    Rule(
        id="pypi-token",
        trigger=rb"pypi-AgE[0-9A-Za-z_-]{50}",
        token=re.compile(rb"(?P<secret>pypi-AgE[0-9A-Za-z_-]{50,1000})"),
        samples=("password = pypi-AgEIcHlwaS5vcmc<80:url64>",),
        counter_samples=("pypi-AgE<40:url64>", "pypi-<80:x>"),
    ),
    Rule(
        id="registry-auth",
        trigger=rb"\"auth\"\s{0,8}:\s{0,8}\"[0-9A-Za-z+/]{8}",
        token=re.compile(rb"\"auth\"\s{0,8}:\s{0,8}\"(?P<secret>[0-9A-Za-z+/]{8,4096}={0,2})\""),
        stands_alone=False,
        confirm=confirm_registry_auth,
        samples=('{"auths": {"registry.internal:5000": {"auth": "<login>"}}}',),
        counter_samples=(
            '{"auth": "<login>"}',
            '{"auths": {"registry.internal:5000": {"auth": "<64:x>"}}}',
            '{"auths": {"registry.internal:5000": {}}}',
        ),
    ),
    Rule(
        id="azure-storage-key",
        trigger=rb"AccountKey=[0-9A-Za-z+/]{86}==",
        token=re.compile(rb"AccountKey=(?P<secret>[0-9A-Za-z+/]{86}==)"),
        min_entropy=4.0,
        samples=("AccountName=a;AccountKey=<86:base64>==;EndpointSuffix=b",),
        # The last one begins as the key that the storage emulator documents.
        counter_samples=(
            "AccountKey=<86:x>==",
            "AccountKey=<40:base64>==",
            "AccountKey=Eby8vdM02xNOcqFlqUwJ<66:base64>==",
        ),
    ),
    Rule(
        id="hashicorp-vault-token",
        trigger=rb"hvs\.[0-9A-Za-z_-]{24}",
        token=re.compile(rb"(?P<secret>hvs\.[0-9A-Za-z_-]{24,300})"),
        samples=("VAULT_TOKEN=hvs.<24:alnum>", "hvs.<95:url64>"),
        counter_samples=("hvs.<23:alnum>", "hvs.<24:x>"),
    ),
    Rule(
        id="sendgrid-key",
        trigger=rb"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}",
        token=re.compile(rb"(?P<secret>SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43})(?![0-9A-Za-z_-])"),
        samples=("SG.<22:alnum>.<43:alnum>",),
        counter_samples=("SG.<22:alnum>.<42:alnum>", "SG.<22:x>.<43:x>"),
    ),
    Rule(
        id="huggingface-token",
        trigger=rb"hf_[A-Za-z]{34}",
        token=_token(rb"hf_[A-Za-z]{34}"),
        min_entropy=3.5,
        samples=("HF_TOKEN=hf_<34:alpha>",),
        counter_samples=("hf_<33:alpha>", "hf_<34:x>", "hf_<35:alpha>"),
    ),
    Rule(
        id="digitalocean-token",
        trigger=rb"do[opr]_v1_[0-9a-f]{64}",
        token=_token(rb"do[opr]_v1_[0-9a-f]{64}"),
        samples=("dop_v1_<64:hex>",),
        counter_samples=("dop_v1_<63:hex>", "dop_v2_<64:hex>"),
    ),
    Rule(
        id="age-secret-key",
        trigger=rb"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        token=_token(rb"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
        samples=("AGE-SECRET-KEY-1<58:bech32>",),
        counter_samples=("AGE-SECRET-KEY-1<57:bech32>", "AGE-SECRET-KEY-1BBBB<54:bech32>"),
    ),
    Rule(
        id="anthropic-key",
        trigger=rb"sk-ant-[a-z]{3,5}[0-9]{2}-[0-9A-Za-z_-]{80}",
        token=re.compile(rb"(?P<secret>sk-ant-[a-z]{3,5}[0-9]{2}-[0-9A-Za-z_-]{80,120})"),
        samples=("sk-ant-api03-<93:url64>AA",),
        counter_samples=("sk-ant-api03-<50:url64>", "sk-ant-api03-<93:x>"),
    ),
    Rule(
        id="openai-key",
        trigger=rb"sk-[0-9A-Za-z_-]{20,90}T3BlbkFJ[0-9A-Za-z_-]{20}",
        token=re.compile(rb"(?P<secret>sk-[0-9A-Za-z_-]{20,90}T3BlbkFJ[0-9A-Za-z_-]{20,90})"),
        samples=("sk-<20:alnum>T3BlbkFJ<20:alnum>", "sk-proj-<74:url64>T3BlbkFJ<74:url64>"),
        counter_samples=("sk-<40:alnum>", "T3BlbkFJ<20:alnum>"),
    ),
)
"""All of them; a rule's place here is its number in the automaton."""
