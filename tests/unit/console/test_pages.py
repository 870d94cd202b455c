"""The pages: every address, what the browser is forbidden to do, and what is said when they are missing."""

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from console_site import serving

from flyte_server.http import console

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/runs/project/p/domain/d",
        "/v2/runs/project/p/domain/d/r1",
        "/v2/domain/d/project/p/runs/r1",
        "/v2/domain/d/project/p/tracked-runs/r1",
    ],
)
def test_every_address_gives_the_page_with_its_policy(site, path):
    page = site.get(path)
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    for rule in (
        "default-src 'self'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-cache"


def test_the_root_leads_to_the_console(site):
    answer = site.get("/")
    assert (answer.status, answer.headers["location"]) == (307, "/v2")


def test_files_are_addressed_by_content_and_cached_for_ever(site):
    page = site.get("/v2").body.decode()
    address = page.split('src="')[1].split('"')[0]
    plain = site.get(address)
    assert plain.headers["cache-control"].endswith("immutable")
    assert plain.headers["content-type"].startswith("text/javascript")
    packed = site.get(address, Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert site.get(address.replace("/v2/_assets/", "/v2/_assets/x")).status == 404
    assert site.get(address + "/../../../../etc/passwd").status == 404


def test_a_run_page_asks_for_its_snapshot_at_once(site):
    page = site.get("/v2/domain/d/project/p/runs/r1").body.decode()
    assert '<link rel="preload" as="fetch" href="/v2/api/runs/p/d/r1/snapshot" crossorigin>' in page
    assert "preload" not in site.get("/v2/runs/project/p/domain/d").body.decode().replace(
        "<!-- preload -->", ""
    )


def test_an_address_cannot_write_into_the_page(site):
    page = site.get("/v2/runs/project/p/domain/d/%22%3E%3Cscript%3Ealert(1)%3C/script%3E").body.decode()
    assert "<script>alert" not in page
    page = site.get("/v2/runs/project/p/domain/d/%22%3E%3Cimg%3E").body.decode()
    assert "<img>" not in page


def test_without_built_pages_the_server_says_what_to_do(tmp_path):
    with serving(tmp_path / "home", tmp_path / "nothing") as site:
        site.history.pipeline()
        page = site.get("/v2/runs/project/p/domain/d/r1")
        assert page.status == 200
        assert "make console" in page.body.decode()
        assert site.get("/v2/api/runs?project=flytesnacks&domain=development").json["total"] == 1


def test_the_installed_package_has_the_pages():
    from importlib import resources

    bundle = console.Bundle(resources.files("flyte_server.console").joinpath("_dist"))
    assert bundle.index is not None
    assert f"/v2/_assets/{bundle.digest}/assets/app.js" in bundle.index
    assert "<script>" not in bundle.index
    assert sum(len(asset.data) for asset in bundle.assets.values()) < 900_000
    assert len(bundle.assets["assets/style.css"].gzipped or b"") < 12_000
    scripts = {path: asset for path, asset in bundle.assets.items() if path.endswith(".js")}
    later = scripts.pop("assets/parts.js")
    assert len(later.gzipped or later.data) < 60_000
    assert sum(len(asset.gzipped or asset.data) for asset in scripts.values()) < 150_000


def test_the_wheel_is_small_and_carries_the_licences_of_what_is_in_it(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.iterdir()
    assert wheel.stat().st_size < 1_000_000
    pages = "flyte_server/console/_dist/"
    with zipfile.ZipFile(wheel) as packed:
        licences = packed.read(f"{pages}licenses.md") + packed.read(f"{pages}licenses-fonts.txt")
    for name in (b"## preact", b"## wouter", b"Inter Project Authors", b"SIL OPEN FONT LICENSE"):
        assert name in licences
