"""The official packages, `tinify` of PyPI and of npm, through every call that they document."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import tinify

from dialects.tinify import NOTICE, Google, Secured, failing, logo
from pixmill.stores.objects import S3Access

from fixtures.buckets import ACCESS_KEY, SECRET_KEY
from fixtures.clients import PROGRAMS, call
from fixtures.origins import Origin
from fixtures.pictures import decoded, encode, photo
from fixtures.servers import RunningServer, environment

SNIPPETS = Path(__file__).parent / "snippets" / "tinify"

#: What `photo` holds: the day, and the place.
DAY, PLACE = "2024:05:06 07:08:09", (52.0, 31.0, 12.0)


def picture() -> bytes:
    """Return a photograph that says when, where and whose it is."""
    block = encode(photo(), "JPEG", quality=92)
    known = decoded(block).getexif()
    known[0x8298] = NOTICE
    known[0x013B] = "Ada"
    known.get_ifd(0x8769)[0x9003] = DAY
    known.get_ifd(0x8825).update({1: "N", 2: PLACE, 3: "E", 4: (13.0, 24.0, 18.0)})
    return encode(photo(), "JPEG", quality=92, exif=known.tobytes())


PHOTO, LOGO = picture(), logo()


def use(base_url: str, key: str) -> None:
    """Begin anew with the package, which is one object for the whole process."""
    tinify.Client.API_ENDPOINT = base_url
    tinify.Client.RETRY_DELAY = 1
    tinify.key = key
    tinify.compression_count = None


@pytest.fixture
def package(shrinking_server: RunningServer) -> Iterator[Any]:
    """Give Python's package, for a new account, over plain HTTP."""
    use(shrinking_server.base_url, shrinking_server.key())
    yield tinify
    tinify.get_client().close()


def test_python_compresses_from_everywhere_to_everywhere(
    package: Any, origin: Origin, tmp_path: Path
) -> None:
    (tmp_path / "logo.png").write_bytes(LOGO)
    assert package.validate()
    assert package.compression_count == 0
    source = package.from_file(str(tmp_path / "logo.png"))
    source.to_file(str(tmp_path / "optimized.png"))
    small = (tmp_path / "optimized.png").read_bytes()
    out = BytesIO()
    package.from_file(BytesIO(LOGO)).to_file(out)
    result = package.from_url(origin.picture(PHOTO)).result()

    assert 1000 <= len(small) <= 1500
    assert NOTICE.encode() not in small
    assert out.getvalue() == small == package.from_buffer(LOGO).to_buffer()
    assert (result.width, result.height) == (320, 240)
    assert (result.media_type, result.extension) == ("image/jpeg", "jpeg")
    assert result.size == len(result.to_buffer()) < len(PHOTO)
    assert package.compression_count == 4


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"method": "scale", "width": 80}, (80, 60)),
        ({"method": "scale", "height": 60}, (80, 60)),
        ({"method": "fit", "width": 100, "height": 100}, (100, 75)),
        ({"method": "cover", "width": 100, "height": 100}, (100, 100)),
        ({"method": "cover", "width": 600, "height": 600}, (240, 240)),
        ({"method": "thumb", "width": 64, "height": 48}, (64, 48)),
    ],
)
def test_python_resizes(package: Any, options: dict[str, Any], size: tuple[int, int]) -> None:
    result = package.from_buffer(PHOTO).resize(**options).result()

    assert (result.width, result.height) == size == decoded(result.to_buffer()).size
    assert package.compression_count == 2


@pytest.mark.parametrize(
    ("type_", "extensions"),
    [
        ("image/webp", {"webp"}),
        ("image/avif", {"avif"}),
        ("image/png", {"png"}),
        (["image/jpeg", "image/png"], {"jpeg"}),
        ("*/*", {"avif", "webp"}),
    ],
)
def test_python_converts(package: Any, type_: Any, extensions: set[str]) -> None:
    result = package.from_buffer(PHOTO).convert(type=type_).result()

    assert result.extension in extensions
    assert decoded(result.to_buffer()).format == result.extension.upper()
    assert package.compression_count == 2


def test_python_fills_the_background(package: Any) -> None:
    source = package.from_buffer(LOGO).convert(type="image/jpeg")
    result = source.transform(background="#ff0000").result()

    red, green, blue = decoded(result.to_buffer()).getpixel((136, 0))
    assert red > 220
    assert green + blue < 60


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        (["copyright"], {"copyright"}),
        (["creation"], {"creation"}),
        (["location"], {"location"}),
        (["copyright", "creation", "location"], {"copyright", "creation", "location"}),
    ],
)
def test_python_preserves(package: Any, facts: list[str], kept: set[str]) -> None:
    data = package.from_buffer(PHOTO).preserve(*facts).to_buffer()
    known = decoded(data).getexif()
    found = {
        "copyright": known.get(0x8298) == NOTICE,
        "creation": known.get_ifd(0x8769).get(0x9003) == DAY,
        "location": known.get_ifd(0x8825).get(2) == PLACE,
    }

    assert {fact for fact, there in found.items() if there} == kept
    assert 0x013B not in known
    assert package.compression_count == 1


def test_python_preserves_the_copyright_of_a_png(package: Any) -> None:
    data = package.from_buffer(LOGO).preserve("copyright", "creation").to_buffer()

    assert NOTICE.encode() in data
    assert len(data) < 2000


#: What Node makes, and its size.
NODE = {
    "buffer": (320, 240),
    "url": (320, 240),
    "scale": (80, 60),
    "fit": (100, 75),
    "cover": (100, 100),
    "thumb": (64, 64),
    "one": (320, 240),
    "many": (320, 240),
    "any": (320, 240),
    "background": (137, 21),
}


def s3(path: str) -> dict[str, str]:
    return {
        "service": "s3",
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        "region": "us-east-1",
        "path": path,
    }


def test_python_stores(package: Any, rclone: S3Access, google: Google) -> None:
    source = package.from_buffer(PHOTO)
    in_s3 = source.resize(method="scale", width=80).store(**s3("results/python.jpg"))
    token = {"service": "gcs", "gcp_access_token": google.token}
    in_gcs = source.store(**token, path="pictures/python.jpg")

    assert in_s3.location == f"{rclone.endpoint}/results/python.jpg"
    assert (in_s3.width, in_s3.height) == (80, 60)
    assert in_gcs.location == f"{google.base_url}/pictures/python.jpg"
    assert package.compression_count == 2


def test_python_tells_errors_apart(package: Any) -> None:
    with pytest.raises(tinify.ClientError, match=r"File type is not supported\. \(HTTP 415/Unsupp"):
        package.from_buffer(b"no image")
    package.key = "wrong"
    with pytest.raises(tinify.AccountError, match="401/Unauthorized"):
        package.validate()
    with failing() as base_url:
        use(base_url, "any")
        with pytest.raises(tinify.ServerError):
            package.from_buffer(PHOTO)
    use(base_url, "any")  # nobody is there any more
    with pytest.raises(tinify.ConnectionError):
        package.from_buffer(PHOTO)


def test_python_hears_that_a_month_is_used_up(shrinking_server: RunningServer) -> None:
    key = shrinking_server.key("optipic-free")
    shrinking_server.spend(key, 500)
    use(shrinking_server.base_url, key)
    with pytest.raises(tinify.AccountError, match="429/TooManyRequests"):
        tinify.from_buffer(PHOTO)
    assert tinify.validate()
    assert tinify.compression_count == 500
    tinify.get_client().close()


def test_python_over_https(shrinking_server: RunningServer, shrinking_https: Secured) -> None:
    use(shrinking_https.base_url, shrinking_server.key())
    session = tinify.get_client().session
    session.verify = str(shrinking_https.authorities)
    session.trust_env = False  # or REQUESTS_CA_BUNDLE goes before
    source = tinify.from_buffer(PHOTO)

    assert source.url.startswith(f"{shrinking_https.base_url}/output/")
    assert source.resize(method="scale", width=80).result().width == 80
    assert source.result().width == 320
    tinify.get_client().close()


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which Node finds the official package."""
    folder = tmp_path_factory.mktemp("node")
    subprocess.run(
        ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-progress",
         "tinify@1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder / "node_modules"


@pytest.fixture
def folder(modules: Path, shrinking_https: Secured, tmp_path: Path) -> Path:
    """Give a folder with two pictures, in which Node finds the official package."""
    shutil.copytree(modules, tmp_path / "node_modules")
    shutil.copy(shrinking_https.authorities, tmp_path / "authority.pem")
    (tmp_path / "logo.png").write_bytes(LOGO)
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    return tmp_path


def documented(language: str) -> str:
    """Return the first code in *language* of the page."""
    text = (Path(__file__).parents[2] / "docs" / "tinify.md").read_text()
    found = re.search(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("language", "name", "made"),
    [
        ("sh", "page.sh", ("photo-small.jpg", "thumb.webp")),
        ("python", "page.py", ("python.jpg", "python-cover.jpg")),
        ("js", "page.cjs", ("node.out",)),
    ],
)
def test_the_code_on_the_page_runs(
    shrinking_https: Secured, folder: Path, language: str, name: str, made: tuple[str, ...]
) -> None:
    code = documented(language).replace("https://images.example.com", shrinking_https.base_url)
    (folder / name).write_text(code)
    trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "authority.pem")
    done = subprocess.run(
        [PROGRAMS[Path(name).suffix], name],
        cwd=folder,
        env=environment({"KEY": shrinking_https.key(), **trust}),
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    for each in made:
        assert decoded((folder / each).read_bytes()).size in {(320, 240), (150, 100)}


def test_node_makes_every_call(
    shrinking_https: Secured, rclone: S3Access, origin: Origin, folder: Path
) -> None:
    with failing(shrinking_https) as away, failing(shrinking_https) as base_url:
        settings = {
            "base_url": shrinking_https.base_url,
            "authorities": str(shrinking_https.authorities),
            "key": shrinking_https.key(),
            "url": origin.picture(PHOTO),
            "store": s3("results/node.jpg"),
            "failing": base_url,
            "away": away.replace("localhost", "nowhere.invalid"),
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        done = call(SNIPPETS / "client.cjs", folder=folder, replaced={})
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    sizes = {name: (told["width"], told["height"]) for name, told in seen.items() if name in NODE}

    assert seen["validated"] == 0
    assert 1000 <= (folder / "optimized.png").stat().st_size <= 1500
    assert sizes == NODE
    assert all(seen[name]["bytes"] == seen[name]["size"] for name in sizes)
    assert (seen["one"]["type"], seen["one"]["extension"]) == ("image/webp", "webp")
    assert seen["many"]["extension"] == "webp"
    assert seen["any"]["extension"] in {"avif", "webp"}
    # Four images, and each of the eight that were resized or converted.
    assert seen["background"]["count"] == 12
    known = decoded((folder / "preserved.jpg").read_bytes()).getexif()
    assert known[0x8298] == NOTICE
    assert known.get_ifd(0x8825)[2] == PLACE
    assert seen["stored"] == {"location": f"{rclone.endpoint}/results/node.jpg", "width": 320}
    assert seen["client"] == {
        "kind": "ClientError",
        "message": "File type is not supported. (HTTP 415/Unsupported media type)",
    }
    assert seen["background missing"]["message"].endswith("(HTTP 400/Bad request)")
    assert seen["account"]["message"] == "Credentials are invalid. (HTTP 401/Unauthorized)"
    kinds = [seen[name]["kind"] for name in ("account", "server", "connection")]
    assert kinds == ["AccountError", "ServerError", "ConnectionError"]
