# Compresses one image through the OctoSqueeze API, as its documents say, and keeps the result.
# No name in the answer means two things here, so sed is enough to read it.
set -eu

status=$(curl -sS -o answer.json -w '%{http_code}' \
  -X POST https://api.octosqueeze.com/api/v1/compress \
  -H "Authorization: Bearer YOUR_API_KEY" \
  -F "file=@photo.jpg" \
  -F "format=webp" \
  -F "mode=balanced")

value() { # value NAME
  sed -E "s/.*\"$1\": ?\"?([^\",}]*).*/\1/" answer.json
}

if [ "$(value success)" != true ]; then
  echo "$status $(value code): $(value message)" >&2
  exit 1
fi

# No key: the link is enough.
curl -sS -o compressed.webp "$(value download_url)"
echo "$(value savings_percent) $(value original_size) $(value compressed_size)"
