# SPDX-License-Identifier: Apache-2.0
"""Java archives: coordinates, nesting, shading, what only names tell, and archives that mean harm."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from installed_forms import packages, read, refusal, takers_of, told
from installed_samples import manifest, pom_properties, zipped

from tidegate.inventory import Basis
from tidegate.scan.cataloger import ImageFile, PartialError
from tidegate.scan.catalogers.installed.java_archive import ArchiveLimits, JavaArchiveCataloger
from tidegate.scan.catalogers.installed.java_manifest import Coordinates, pom_licenses, read_manifest, read_pom
from tidegate.scan.catalogers.installed.java_name import by_manifest, by_place, divided, group_of_bundle
from tidegate.scan.purl import component_purl

POM = b"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>7</version></parent>
  <artifactId>child</artifactId>
  <version>${revision}</version>
  <properties><revision>${major}.2</revision><major>4</major></properties>
  <licenses><license><name>Apache License &amp; more</name><url>x</url></license><license><name>MIT</name></license>
  </licenses>
  <dependencies><dependency><groupId>no</groupId><artifactId>no</artifactId><version>1</version></dependency>
  </dependencies>
</project>"""


def test_an_archive_of_mavens_is_its_coordinates_and_digest() -> None:
    content = zipped(
        manifest(Implementation_Vendor="Example Inc.", Bundle_License="MIT;link=x, <<EXTERNAL>>")
        | pom_properties("org.example", "a", "1.0")
        | {"org/example/A.class": b"x"}
    )
    (package,) = packages("opt/a-1.0.jar", content)
    assert (package.name, package.version, package.basis) == ("org.example:a", "1.0", Basis.INSTALLED)
    assert package.checksums == (f"sha1:{hashlib.sha1(content).hexdigest()}",)  # noqa: S324 - Maven's own
    assert package.supplier == "Example Inc."
    assert package.licenses == ("MIT",)
    assert component_purl(package, None) == "pkg:maven/org.example/a@1.0"


def test_everything_in_a_shaded_archive_is_a_component_and_only_its_own_bears_the_digest() -> None:
    content = zipped(
        manifest()
        | pom_properties("org.example", "all", "1.0")
        | pom_properties("com.google.guava", "guava", "30.1-jre")
        | {"META-INF/maven/org.example/child/pom.xml": POM}
    )
    found = packages("opt/all-1.0.jar", content)
    assert [(it.name, it.version, bool(it.checksums)) for it in found] == [
        ("org.example:all", "1.0", True),
        ("com.google.guava:guava", "30.1-jre", False),
        ("org.example:child", "4.2", False),
    ]
    assert found[2].licenses == ("Apache License & more", "MIT")


def test_archives_in_archives_keep_a_real_location_and_tell_their_inner_path() -> None:
    inner = zipped(pom_properties("org.example", "inner", "2.0"))
    war = zipped(pom_properties("org.example", "shop", "1.0") | {"WEB-INF/lib/inner-2.0.jar": inner}, packed=False)
    ear = zipped({"shop.war": war, "lib/bare-3.1.jar": zipped({"x.class": b""})})
    facts, reason = read("opt/all.ear", ear)
    assert reason == ""
    assert facts.path == "opt/all.ear"
    assert {it.name: dict(it.qualifiers) for it in facts.packages} == {
        "org.example:shop": {"inner-path": "shop.war"},
        "org.example:inner": {"inner-path": "shop.war!/WEB-INF/lib/inner-2.0.jar"},
        "bare": {"inner-path": "lib/bare-3.1.jar"},
    }
    assert "inner-path" not in component_purl(facts.packages[1], None)


def test_a_renamed_archive_is_no_second_component() -> None:
    own = manifest(Implementation_Title="shop", Implementation_Version="1.0") | pom_properties("org.x", "shop", "1.0")
    assert told("app.jar", zipped(own)) == [("org.x:shop", "1.0")]
    assert told("app.jar", zipped(manifest() | pom_properties("org.x", "shop", "1.0"))) == [("org.x:shop", "1.0")]
    assert told("vendor-shop-1.0.jar", zipped(pom_properties("org.x", "shop", "1.0"))) == [("org.x:shop", "1.0")]


def test_a_well_known_archive_without_version_in_its_name_is_not_what_is_shaded_into_it() -> None:
    shaded = manifest(Bundle_SymbolicName="com.google.inject", Bundle_Version="4.2.3")
    shaded |= pom_properties("cglib", "cglib", "3.2.12")
    assert sorted(told("usr/share/java/guice.jar", zipped(shaded))) == [
        ("cglib:cglib", "3.2.12"),
        ("com.google.inject:guice", "4.2.3"),
    ]
    own = manifest(Bundle_Version="4.2.3") | pom_properties("com.google.inject", "guice", "4.2.3")
    assert told("usr/share/java/guice.jar", zipped(own)) == [("com.google.inject:guice", "4.2.3")]


def test_a_stranger_that_shades_others_is_a_component_of_its_own() -> None:
    content = zipped(manifest() | pom_properties("org.x", "one", "1.0") | pom_properties("org.x", "two", "2.0"))
    assert sorted(told("bundle-5.1.jar", content)) == [("bundle", "5.1"), ("org.x:one", "1.0"), ("org.x:two", "2.0")]


TITLE, SYMBOL, VERSION = "implementation-title", "bundle-symbolicname", "implementation-version"


@pytest.mark.parametrize(
    ("stem", "attributes", "coordinates"),
    [
        ("spring-core-5.3.20", {TITLE: "spring-core"}, "org.springframework:spring-core:5.3.20"),
        ("spring-boot-2.6.6", {}, "org.springframework.boot:spring-boot:2.6.6"),
        ("spring-security-web-5.6.2", {}, "org.springframework.security:spring-security-web:5.6.2"),
        ("tomcat-embed-core-9.0.60", {VERSION: "9.0.60"}, "org.apache.tomcat.embed:tomcat-embed-core:9.0.60"),
        ("hibernate-core-5.6.7.Final", {}, "org.hibernate:hibernate-core:5.6.7.Final"),
        ("hibernate-core-6.1.0.Final", {}, "org.hibernate.orm:hibernate-core:6.1.0.Final"),
        ("rxjava-1.3.8", {}, "io.reactivex:rxjava:1.3.8"),
        ("rxjava-2.2.21", {}, "io.reactivex.rxjava2:rxjava:2.2.21"),
        ("rxjava-3.1.4", {}, "io.reactivex.rxjava3:rxjava:3.1.4"),
        ("x-core-1.8.4", {TITLE: "io.acme#x-core;1.8.4"}, "io.acme:x-core:1.8.4"),
        ("elasticsearch-7.10.0", {TITLE: "org.elasticsearch#server;7.10.0"}, "org.elasticsearch:elasticsearch:7.10.0"),
        ("app", {TITLE: "io.acme#server;7.10.0"}, "io.acme:server:7.10.0"),
        ("org.mortbay.jasper.apache-el-8.5.100", {}, "org.mortbay.jasper:apache-el:8.5.100"),
        ("nobody-knows-1.0", {}, ":nobody-knows:1.0"),
        ("nobody-knows-1.0", {"implementation-vendor-id": "com.acme"}, "com.acme:nobody-knows:1.0"),
        ("nobody-knows-1.0", {"implementation-vendor-id": "Acme Inc."}, ":nobody-knows:1.0"),
        ("nobody-knows-1.0", {SYMBOL: "com.acme.nobody-knows;singleton:=true"}, "com.acme:nobody-knows:1.0"),
        ("x-2.0.61.Final-linux-x86_64", {VERSION: "2.0.61.Final"}, ":x:2.0.61.Final"),
        ("app", {TITLE: "shop", VERSION: "0.0.1-SNAPSHOT"}, ":shop:0.0.1-SNAPSHOT"),
        ("guice-jmx", {SYMBOL: "com.google.inject.jmx", VERSION: "4.2"}, "com.google.inject.extensions:guice-jmx:4.2"),
        ("app", {VERSION: "${project.version}"}, ""),
        ("gettext", {}, ""),
    ],
)
def test_what_only_names_tell(stem: str, attributes: dict[str, str], coordinates: str) -> None:
    found = by_manifest(stem, attributes)
    assert (f"{found.group}:{found.artifact}:{found.version}" if found else "") == coordinates


@pytest.mark.parametrize(
    ("path", "coordinates"),
    [
        ("root/.m2/repository/org/example/a/1.0/a-1.0.jar", "org.example:a:1.0"),
        ("root/.m2/repository/junit/junit/4.13/junit-4.13-sources.jar", "junit:junit:4.13"),
        ("root/.gradle/caches/modules-2/files-2.1/org.example/a/1.0/0a1b/a-1.0.jar", "org.example:a:1.0"),
        ("usr/share/maven-repo/org/example/a/3.x/a-3.x.jar", ""),
        ("usr/share/maven-repo/org/example/a/debian/a-debian.jar", ""),
        ("srv/repository/a-1.0.jar", ""),
        ("srv/repository/a/1.0/a-1.0.jar", ""),
        ("srv/repository/org/a/2.0/a-1.0.jar", ""),
        ("a-1.0.jar", ""),
    ],
)
def test_a_repository_tells_by_its_folders(path: str, coordinates: str) -> None:
    found = by_place(path)
    assert (f"{found.group}:{found.artifact}:{found.version}" if found else "") == coordinates
    if found:
        assert told(path, zipped({"x.class": b""})) == [(f"{found.group}:{found.artifact}", found.version)]


@pytest.mark.parametrize(
    ("stem", "name", "version"),
    [
        ("log4j-1.2-api-2.17.1", "log4j-1.2-api", "2.17.1"),
        ("guava-31.1-jre", "guava", "31.1-jre"),
        ("kafka_2.13-3.1.0", "kafka_2.13", "3.1.0"),
        ("foo-1.0-beta-2", "foo", "1.0-beta-2"),
        ("foo-1.0-20210101.123456-7", "foo", "1.0-20210101.123456-7"),
        ("geronimo-annotation_1.3_spec-1.3", "geronimo-annotation_1.3_spec", "1.3"),
        ("geronimo-annotation-1.3-spec", "geronimo-annotation-1.3-spec", ""),
        ("jetty-http-9.4.40.v20210413", "jetty-http", "9.4.40.v20210413"),
        ("libpostal-v2", "libpostal", "v2"),
        ("-1", "-1", ""),
        ("", "", ""),
    ],
)
def test_names_are_divided_from_versions(stem: str, name: str, version: str) -> None:
    assert divided(stem) == (name, version)


@pytest.mark.parametrize(
    ("symbolic", "artifact", "group"),
    [
        ("com.google.guava", "guava", "com.google.guava"),
        ("org.apache.maven.core", "maven-core", "org.apache.maven"),
        ("com.fasterxml.jackson.core.jackson-databind", "jackson-databind", "com.fasterxml.jackson.core"),
        ("org.apache.commons.lang3", "commons-lang3", "org.apache.commons"),
        ("ch.qos.logback.classic", "logback-classic", "ch.qos.logback"),
        ("org.acme.acme", "acme", "org.acme"),
        ("org.other", "thing", ""),
        ("", "thing", ""),
    ],
)
def test_groups_are_read_out_of_bundle_names(symbolic: str, artifact: str, group: str) -> None:
    assert group_of_bundle(symbolic, artifact) == group


def test_manifests_continue_lines_and_end_with_their_first_section() -> None:
    text = b"Manifest-Version: 1.0\r\nBundle-Name: one\r\n  two\r\nA:b\r\n\r\nName: x\r\nBundle-Version: 9\r\n"
    assert read_manifest(text) == {"manifest-version": "1.0", "bundle-name": "one two", "a": "b"}


def test_poms_take_what_they_leave_out_from_their_parent() -> None:
    assert read_pom(POM, where="pom.xml") == Coordinates(group="org.example", artifact="child", version="4.2")


def test_poms_that_fill_in_themselves_come_to_an_end() -> None:
    text = b"<project><version>${a}</version><properties><a>${a}${a}</a></properties></project>"
    assert read_pom(text, where="pom.xml").version == ""


def test_hostile_licences_cost_no_time() -> None:
    for text in (b"<licenses>" * 300_000, b"<licenses>" + b"<name>" * 500_000, b"<licenses><name>" + b" " * 3_000_000):
        assert pom_licenses(text) == ()
    assert pom_licenses(b"<licenses><license><name>\n  A\n B </name></license></licenses>") == ("A B",)


def test_metadata_of_an_unpacked_archive_counts() -> None:
    content = pom_properties("org.x", "y", "1.0")["META-INF/maven/org.x/y/pom.properties"]
    assert told("app/META-INF/maven/org.x/y/pom.properties", content) == [("org.x:y", "1.0")]
    assert told("app/META-INF/maven/org.x/y/pom.properties", b"version=1.0\n") == [("org.x:y", "1.0")]
    assert takers_of("app/pom.properties") == []


def test_what_is_no_archive_is_said_so() -> None:
    assert "not a zip archive" in refusal("a.jar", b"hello")
    assert "end record" in refusal("a.jar", b"PK\3\4" + bytes(100))
    assert told("a.rar", b"Rar!\x1a\x07\x00") == []
    assert told("a.jar", b"") == []


def test_a_broken_inner_archive_costs_itself_only() -> None:
    content = zipped(
        {"lib/broken-1.0.jar": b"PK" + bytes(60), "lib/sound-1.0.jar": zipped(pom_properties("org.x", "sound", "1.0"))}
    )
    facts, reason = read("all.war", content)
    assert [it.name for it in facts.packages] == ["org.x:sound"]
    assert "lib/broken-1.0.jar" in reason


def test_archives_without_end_are_bounded() -> None:
    content = zipped(pom_properties("org.x", "deep", "1.0"))
    for _ in range(ArchiveLimits().max_depth + 1):
        content = zipped({"lib/x-1.0.jar": content})
    facts, reason = read("a-1.0.war", content)
    assert "max_depth = 4" in reason
    assert "org.x:deep" not in {it.name for it in facts.packages}


@pytest.mark.parametrize(
    ("limits", "bound"),
    [
        (ArchiveLimits(max_unpacked_bytes=500), "max_unpacked_bytes = 500"),
        (ArchiveLimits(max_text_bytes=100), "max_text_bytes = 100"),
        (ArchiveLimits(max_archives=2), "max_archives = 2"),
        (ArchiveLimits(max_inner_bytes=150), "max_bytes = 150"),
        (ArchiveLimits(max_poms=2), "max_poms = 2"),
    ],
)
def test_each_limit_holds_and_is_named(limits: ArchiveLimits, bound: str) -> None:
    members = pom_properties("org.x", "a", "1") | pom_properties("org.x", "b", "1") | pom_properties("org.x", "c", "1")
    for index in range(4):
        members[f"lib/x{index}-1.0.jar"] = zipped({"x": bytes([index]) * 100}, packed=False)
    with pytest.raises(PartialError, match=bound) as caught:
        JavaArchiveCataloger(limits).catalog(ImageFile(path="a-1.0.war", content=zipped(members)))
    assert "org.x:a" in {it.name for it in caught.value.facts.packages}


@pytest.mark.property
@given(st.text(max_size=60), st.dictionaries(st.sampled_from(sorted({"implementation-title", "bundle-symbolicname",
    "implementation-version", "implementation-vendor-id"})), st.text(max_size=60)))  # fmt: skip
@settings(deadline=None)
def test_names_of_any_kind_are_answered(stem: str, attributes: dict[str, str]) -> None:
    found = by_manifest(stem, attributes)
    assert found is None or (found.artifact.isprintable() and found.version[:2].strip("v")[0].isdigit())


@pytest.mark.tools
def test_the_real_jar_tool_makes_what_is_read(tmp_path: Path) -> None:
    jar = shutil.which("jar")
    if jar is None:
        pytest.skip("jar is missing; install a JDK")
    for name, content in pom_properties("org.example", "tool", "1.5").items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "given").write_text("Implementation-Title: tool\nImplementation-Version: 1.5\n")
    subprocess.run([jar, "cfm", "tool-1.5.jar", "given", "META-INF"], cwd=tmp_path, check=True)
    subprocess.run([jar, "cf0M", "all.war", "tool-1.5.jar"], cwd=tmp_path, check=True)
    listed = subprocess.run([jar, "tf", "tool-1.5.jar"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "META-INF/maven/org.example/tool/pom.properties" in listed.stdout.splitlines()
    assert told("tool-1.5.jar", (tmp_path / "tool-1.5.jar").read_bytes()) == [("org.example:tool", "1.5")]
    assert told("all.war", (tmp_path / "all.war").read_bytes()) == [("org.example:tool", "1.5")]
