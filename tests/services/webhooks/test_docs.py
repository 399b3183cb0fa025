"""The code in docs/webhooks.md, run as it is printed: it takes what is ours and nothing else."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pixmill import clock
from pixmill.services.secret import Secret
from pixmill.services.webhooks import signing
from pixmill.services.webhooks.types import SCHEDULE
from services.webhooks.office import SECRET

from fixtures.servers import environment

TEXT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()
BODY = '{"event":"job.completed","filename":"Größe 100 %.jpg"}'.encode()

#: For each language of a snippet: what runs it, the name of its file, and how it is called.
LANGUAGES = {
    "python": (
        sys.executable,
        "receiver.py",
        """
import base64, json
m = json.load(open("message.json"))
verify(m["secret"], m["headers"], base64.b64decode(m["body"]))
print("verified")
""",
    ),
    "js": (
        "node",
        "receiver.mjs",
        """
import { readFileSync } from 'node:fs'
const m = JSON.parse(readFileSync('message.json'))
verify(m.secret, m.headers, Buffer.from(m.body, 'base64'))
console.log('verified')
""",
    ),
    "php": (
        "php",
        "receiver.php",
        """
$m = json_decode(file_get_contents('message.json'), true);
$server = [];
foreach ($m['headers'] as $name => $value) {
    $server['HTTP_' . strtoupper(strtr($name, '-', '_'))] = $value;
}
verify($m['secret'], $server, base64_decode($m['body']));
echo "verified\\n";
""",
    ),
}

EACH = pytest.mark.parametrize(
    "language",
    [
        language
        for language, (program, *_) in LANGUAGES.items()
        # PHP is not on every machine; `make test` installs it where it can.
        if program != "php" or shutil.which(program) or os.environ.get("CI")
    ],
)


def secret_of(account_id: str = "acc_1") -> str:
    return signing.secret_of(account_id, secret=Secret(SECRET))


def headers(*, age: timedelta = timedelta()) -> dict[str, str]:
    now = clock.now() - age
    return signing.signature(secret_of(), id_="msg_1", now=now, body=BODY)


def verified(
    language: str, folder: Path, sent: dict[str, str], *, body: bytes = BODY, secret: str = ""
) -> bool:
    program, name, call = LANGUAGES[language]
    [snippet] = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    (folder / name).write_text(("<?php\n" if language == "php" else "") + snippet + call)
    message = {
        "secret": secret or secret_of(),
        "headers": sent,
        "body": base64.b64encode(body).decode(),
    }
    (folder / "message.json").write_text(json.dumps(message))
    done = subprocess.run(
        [program, name],
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        assert re.search(
            "too old|not from Pixmill|WebhookVerificationError", done.stdout + done.stderr
        )
    return done.returncode == 0 and done.stdout == "verified\n"


@EACH
def test_what_is_ours_is_taken(language: str, tmp_path: Path) -> None:
    sent = headers()
    rotated = sent | {"webhook-signature": f"v1,c3RhbGU= {sent['webhook-signature']}"}

    assert verified(language, tmp_path, sent)
    assert verified(language, tmp_path, rotated)


@EACH
def test_what_is_not_ours_is_refused(language: str, tmp_path: Path) -> None:
    sent = headers()
    unsigned = {name: sent[name] for name in ("webhook-id", "webhook-timestamp")}

    assert not verified(language, tmp_path, sent, body=BODY + b" ")
    assert not verified(language, tmp_path, sent, secret=secret_of("acc_2"))
    assert not verified(language, tmp_path, sent | {"webhook-id": "msg_2"})
    assert not verified(language, tmp_path, unsigned)
    assert not verified(language, tmp_path, headers(age=timedelta(minutes=10)))
    assert not verified(language, tmp_path, headers(age=timedelta(minutes=-10)))


def test_the_schedule_is_the_one_that_is_kept() -> None:
    [said] = re.findall(r"is sent again (.*?): ten attempts", TEXT, re.DOTALL)
    units = {"second": "seconds", "minute": "minutes", "hour": "hours"}

    assert [
        timedelta(**{units[unit]: int(count)})
        for count, unit in re.findall(r"(\d+) (second|minute|hour)", said)
    ] == list(SCHEDULE)
    assert len(SCHEDULE) + 1 == 10
