"""
Takes a message of OctoSqueeze.

The raw body comes on standard input, the header X-OctoSqueeze-Signature as an argument.
"""

import hashlib
import hmac
import json
import sys
from urllib.parse import parse_qs

body = sys.stdin.buffer.read()
signature = hmac.new(b"YOUR_WEBHOOK_SECRET", body, hashlib.sha256).hexdigest()
if not hmac.compare_digest(signature, sys.argv[1]):
    sys.exit("Invalid signature")

for image in json.loads(parse_qs(body.decode())["images"][0]):
    for made in image["compressions"]:
        sys.stdout.write(f"{image['image_id']} {made['format']} {made['size']} {made['link']}\n")
